"""Why a command is silent: TensorFlow and a model take seconds to load."""

import contextlib
import os
import sys
import threading

_SECONDS = 2.0
_pending: list[threading.Timer] = []


@contextlib.contextmanager
def loading(what):
    """Says on a terminal what is being loaded, if that takes longer than two seconds without another message.

    A context within another one says nothing.

    Args:
        what: str.
    """
    if _pending or not sys.stderr.isatty():
        yield
        return
    # A copy of standard error, as `silenced` redirects the original while TensorFlow starts.
    copy = os.dup(sys.stderr.fileno())
    with open(copy, "w", encoding=sys.stderr.encoding, errors="backslashreplace") as stream:
        timer = threading.Timer(_SECONDS, _say, (f"loading {what} ...\n", stream))
        timer.daemon = True
        _pending.append(timer)
        timer.start()
        try:
            yield
        finally:
            _pending.clear()
            timer.cancel()
            timer.join()


def said_something():
    """Cancels the message of `loading`, as another one was shown."""
    for timer in _pending:
        timer.cancel()


def _say(text, stream):
    with contextlib.suppress(OSError):  # the terminal may be closed
        stream.write(text)
        stream.flush()
