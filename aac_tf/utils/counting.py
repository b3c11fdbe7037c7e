"""Numbers of things in messages."""


def counted(number, noun):
    """A number of things.

    Args:
        number: int.
        noun: str, singular of a noun whose plural ends with an s.

    Returns:
        str.

    Example:
        >>> from aac_tf.utils.counting import counted
        >>> counted(1, "clip"), counted(3839, "clip")
        ('1 clip', '3,839 clips')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
