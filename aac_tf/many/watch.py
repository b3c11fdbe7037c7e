"""Progress of work that other processes do, from what they leave behind."""

import contextlib
import threading

WATCH_SECONDS = 5.0


@contextlib.contextmanager
def watched(done, total, update):
    """A context in which progress is shown, and after which all is done.

    Args:
        done: function `() -> int`, parts that are there now, whoever made them.
        total: int, parts that there will be.
        update: function `(done, total)` that shows it; None shows nothing.
    """
    if update is None:
        yield
        return
    ended = threading.Event()

    def watch():
        while not ended.wait(WATCH_SECONDS):
            update(done(), total)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
    update(total, total)
