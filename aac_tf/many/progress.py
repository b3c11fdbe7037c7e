"""Progress of work that other processes do."""

import contextlib
import threading

POLL_SECONDS = 5.0


@contextlib.contextmanager
def poll_progress(done, total, update):
    """Polls and shows the progress of work while the context is active; on success, shows at the end that all is done.

    Args:
        done: function `() -> int`, number of parts that are done.
        total: int, number of parts.
        update: function `(done, total)` that shows the progress; None shows nothing.
    """
    if update is None:
        yield
        return
    ended = threading.Event()

    def poll():
        while not ended.wait(POLL_SECONDS):
            update(done(), total)

    poller = threading.Thread(target=poll, daemon=True)
    poller.start()
    try:
        yield
    finally:
        ended.set()
        poller.join()
    update(total, total)
