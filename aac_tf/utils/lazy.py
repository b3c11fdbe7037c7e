"""Names of a package that are imported on first use."""

import importlib


def import_on_use(package, modules):
    """Makes the `__getattr__` of a package whose names are imported on first use.

    Args:
        package: str, `__name__` of the package.
        modules: `{name: module}`, where each name is defined, relative to the package.

    Returns:
        Function from a name to what it stands for. It raises `AttributeError` for other names.

    Example:
        >>> from aac_tf.utils.lazy import import_on_use
        >>> import_on_use("aac_tf", {"AacError": "errors"})("AacError").__name__
        'AacError'
    """

    def __getattr__(name):
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{modules[name]}"), name)

    return __getattr__
