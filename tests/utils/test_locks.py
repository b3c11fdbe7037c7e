import concurrent.futures
import errno

import pytest

from aac_tf.utils import locks


def failing(error):
    def fail(file):
        raise OSError(error, "no lock")

    return fail


@pytest.mark.parametrize("error", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_on_a_file_system_without_locks_nothing_is_locked(tmp_path, monkeypatch, error):
    monkeypatch.setattr(locks, "_lock", failing(error))
    with locks.file_lock(tmp_path / "lock"):
        pass


@pytest.mark.parametrize("error", [errno.EWOULDBLOCK, errno.EACCES])
def test_other_errors_mean_that_the_file_is_locked(tmp_path, monkeypatch, error):
    monkeypatch.setattr(locks, "_lock", failing(error))
    with pytest.raises(locks.LockedError), locks.file_lock(tmp_path / "lock"):
        pass


def test_of_those_that_wait_one_at_a_time_gets_the_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(locks.time, "sleep", lambda seconds: None)
    inside = []

    def work(number):
        for _ in range(50):
            with locks.waiting_lock(tmp_path / "lock"):
                inside.append(number)
                assert inside == [number]
                inside.remove(number)

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    assert not list(tmp_path.iterdir())
