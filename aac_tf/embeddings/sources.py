"""Where the weights of a frozen encoder are loaded from."""

import os


def choose_source(source, variable, published):
    """The source to load: the given one if it exists here, otherwise the one that an environment variable names.

    A run's config names the source that it was trained with, which may have another path on another machine.

    Args:
        source: path, or a name on a hub; None if none is given.
        variable: str, the environment variable.
        published: str, name of the published weights, used if there is neither.

    Returns:
        str, with `~` expanded.

    Example:
        >>> from aac_tf.embeddings.sources import choose_source
        >>> choose_source(None, "UNSET_VARIABLE", "owner/model")
        'owner/model'
    """
    named, copy = os.path.expanduser(os.fspath(source or "")), os.environ.get(variable)
    if copy and not (named and os.path.exists(named)):
        return os.path.expanduser(copy)
    return named or published
