"""Handling of SIGTERM and Ctrl-C: what is being done, such as a training step, is completed and saved first."""

import signal
import threading


class Interrupted(KeyboardInterrupt):
    """Work was stopped by a signal.

    Args:
        signum: int, number of the signal.
        saved: str, message about what was saved.
    """

    def __init__(self, signum, saved):
        super().__init__(signum, saved)
        self.signum = signum
        self.saved = saved

    def __str__(self):
        return f"stopped by {signal.Signals(self.signum).name}; {self.saved}"


class Interruption:
    """A context manager that defers SIGTERM and Ctrl-C while a step is computed or a file is written.

    The code that sets `hold` calls `check` when it is done. A second signal is not deferred.

    Attributes:
        hold: bool, whether signals are deferred until `check`; otherwise they raise `Interrupted` at once.
        saved: str, the message of `Interrupted` about what was saved.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self):
        self.hold = False
        self.saved = "nothing has been trained yet"
        self._signum = None
        self._before = {}

    @property
    def pending(self):
        """Whether a signal is deferred."""
        return self._signum is not None

    def check(self):
        """Raises `Interrupted` if a signal is deferred."""
        if self.pending:
            raise Interrupted(self._signum, self.saved)

    def __enter__(self):
        # Only the main thread can set signal handlers.
        if threading.current_thread() is threading.main_thread():
            self._before = {signum: signal.signal(signum, self._handle) for signum in self.SIGNALS}
        return self

    def __exit__(self, *_):
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def _handle(self, signum, frame):
        if not self.hold or self.pending:
            raise Interrupted(signum, self.saved)
        self._signum = signum
