"""SIGTERM and Ctrl-C that let a training step end and be saved."""

import signal
import threading


class Interrupted(KeyboardInterrupt):
    """A run that was told to stop.

    Args:
        signum: int, the signal.
        saved: str, what was saved.
    """

    def __init__(self, signum, saved):
        super().__init__(signum, saved)
        self.signum = signum
        self.saved = saved

    def __str__(self):
        return f"stopped by {signal.Signals(self.signum).name}; {self.saved}"


class Interruption:
    """A context manager that holds SIGTERM and Ctrl-C back while a step is computed or a file is written.

    What holds them back calls `check` when it is done. A second signal is not held back.

    Attributes:
        hold: bool, whether signals wait for `check`; otherwise they raise `Interrupted` at once.
        saved: str, what `Interrupted` tells was saved.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self):
        self.hold = False
        self.saved = "nothing was trained yet"
        self._signum = None
        self._before = {}

    @property
    def pending(self):
        """Whether a signal waits."""
        return self._signum is not None

    def check(self):
        """Raises `Interrupted` if a signal waits."""
        if self.pending:
            raise Interrupted(self._signum, self.saved)

    def __enter__(self):
        # Python hands signals to the main thread only.
        if threading.current_thread() is threading.main_thread():
            self._before = {signum: signal.signal(signum, self._note) for signum in self.SIGNALS}
        return self

    def __exit__(self, *_):
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def _note(self, signum, frame):
        if not self.hold or self.pending:
            raise Interrupted(signum, self.saved)
        self._signum = signum
