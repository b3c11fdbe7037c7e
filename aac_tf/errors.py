"""The base class of the errors that this package raises on purpose."""


class AacError(Exception):
    """An error with a message for the user: what was expected, what came, what to do.

    Subclasses that are also a `ValueError` are mistakes in the user's input (a command exits with 2); the others are
    failures of something that was asked for correctly (a command exits with 1).

    Example:
        >>> from aac_tf.config import load_config
        >>> try:
        ...     load_config(None, ["encoder.layer=3"])
        ... except AacError as error:
        ...     print(error)
        unknown config key `encoder.layer`; did you mean `encoder.layers`?
    """
