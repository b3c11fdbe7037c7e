"""Where a frozen network's weights come from."""

import os


def choose_source(source, variable, published):
    """The source to load: what was named, if it is here; otherwise the copy that the environment names.

    A run's config names the source that it was trained with, which another machine may keep elsewhere.

    Args:
        source: path, or a name that a hub knows; None names nothing.
        variable: str, the environment variable that names a copy.
        published: str, the published weights' name, for want of both.

    Returns:
        str, with `~` expanded.
    """
    named, copy = os.path.expanduser(os.fspath(source or "")), os.environ.get(variable)
    if copy and not (named and os.path.exists(named)):
        return os.path.expanduser(copy)
    return named or published
