"""Imports TensorFlow without the lines that it logs at its start."""

import contextlib
import faulthandler
import os
import re
import sys
import tempfile

# Information, and the line with which a library says where its log goes. TensorFlow 2.21 logs them while its libraries
# are loaded, before it reads any setting.
_NOISE = re.compile(rb"I\d{4} |\S+ \S+: I |WARNING: All log messages before absl::InitializeLog")


@contextlib.contextmanager
def quiet_start():
    """Leaves out information that C++ code logs to standard error while the context is active; the rest follows later.

    Warnings, errors and what Python prints are shown when the context ends. If the process crashes, Python's traceback
    is shown at once.
    """
    try:
        standard_error = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    crashes = not faulthandler.is_enabled()
    with tempfile.TemporaryFile() as log:
        if crashes:
            faulthandler.enable(standard_error)
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            with contextlib.suppress(AttributeError, OSError, ValueError):  # Python's stream may be closed
                sys.stderr.flush()
            os.dup2(standard_error, 2)
            if crashes:
                faulthandler.disable()
            log.seek(0)
            with os.fdopen(standard_error, "wb") as stream:
                stream.writelines(line for line in log if not _NOISE.match(line))
