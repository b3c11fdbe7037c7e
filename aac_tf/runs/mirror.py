"""Local copies of remote run folders: TensorFlow and Keras write checkpoints and event files as on any local disk."""

import pathlib
import tempfile

from aac_tf.utils.files import file_path

BEST, LAST, EPOCHS = "checkpoints/best", "checkpoints/last", "checkpoints/epochs"


class Mirror:
    """A temporary local copy of a remote run folder.

    Files are fetched by name, as a web server cannot list them.

    Args:
        url: str, URL of the run folder.
        names: names of the files in it, besides checkpoints; files that do not exist are skipped.

    Attributes:
        folder: `pathlib.Path` of the copy, which is deleted with this object.

    Raises:
        OSError: if a file exists and cannot be read.
    """

    def __init__(self, url, names):
        self._remote = file_path(url)
        self._temporary = tempfile.TemporaryDirectory(prefix="aac_tf-run-")
        self.folder = pathlib.Path(self._temporary.name)
        self._fetched: set[str] = set()
        self._known: dict[str, tuple[int, int]] = {}  # size and time of each local file that equals the remote one
        for name in names:
            self._fetch(name)
        self.fetch_checkpoints(BEST)

    def fetch_checkpoints(self, folder):
        """Fetches the checkpoints in a folder, `BEST`, `LAST` or `EPOCHS`, once."""
        if folder in self._fetched:
            return
        self._fetched.add(folder)
        if not self._fetch(f"{folder}/checkpoint"):
            return
        import tensorflow as tf  # local run folders do not need it

        state = tf.train.get_checkpoint_state(str(self.folder / folder))
        for path in state.all_model_checkpoint_paths if state else ():
            name = pathlib.PurePath(path).name
            for ending in (".index", ".data-00000-of-00001"):
                self._fetch(f"{folder}/{name}{ending}")

    def _fetch(self, name):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            (self._remote / name).download(path)
        except FileNotFoundError:
            return False
        self._known[name] = _version(path)
        return True

    def upload(self):
        """Uploads the files that have changed, and deletes the remote copies of those that were deleted.

        If it is interrupted, the remote folder still has a whole previous checkpoint.

        Raises:
            OSError: if a file cannot be written.
        """
        paths = [path for path in self.folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
        current = {path.relative_to(self.folder).as_posix(): _version(path) for path in paths}
        # Files named `checkpoint` say which checkpoint is the newest: they come after its data. The config marks the
        # folder as a run.
        for name in sorted(current, key=lambda name: (name.endswith("/checkpoint"), name == "config.yaml", name)):
            if self._known.get(name) != current[name]:
                (self._remote / name).upload(self.folder / name)
                self._known[name] = current[name]
        for name in set(self._known) - set(current):
            (self._remote / name).unlink()
            del self._known[name]


def _version(path):
    status = path.stat()
    return status.st_size, status.st_mtime_ns
