"""A disk without space for large files, for tests."""

import contextlib
import resource
import signal


@contextlib.contextmanager
def full_disk(bytes_left=20_000):
    """Lets no file of this process grow beyond a size; AutoGraph's temporary files need a few thousand bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_left, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
