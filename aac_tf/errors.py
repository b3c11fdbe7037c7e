"""The base class of the package's errors."""


class AacError(Exception):
    """Base class of the package's errors; their messages say what was expected, what was found and what to do.

    Subclasses that also derive from `ValueError` are errors in the user's input (commands exit with 2); those that
    derive from `RuntimeError` are failures of valid requests (commands exit with 1).

    Example:
        >>> from aac_tf.config import load_config
        >>> from aac_tf.errors import AacError
        >>> try:
        ...     load_config(None, ["encoder.layer=3"])
        ... except AacError as error:
        ...     print(error)
        unknown config key `encoder.layer`; did you mean `encoder.layers`?
    """
