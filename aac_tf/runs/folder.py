"""The folder of a run, here or on a remote file system: its files by name, its checkpoints, and its lock."""

import contextlib
import functools
import hashlib
import json
import os
import pathlib

from aac_tf.runs.errors import RunError
from aac_tf.runs.mirror import BEST, EPOCHS, LAST, Mirror
from aac_tf.utils.atomic import atomic_write
from aac_tf.utils.files import is_url
from aac_tf.utils.locks import LockedError, file_lock


class RunFolder:
    """A folder with the files of a run: plain text and TensorFlow checkpoints, no pickles.

    Args:
        folder: path; the folder need not exist yet. Or the URL of a remote folder, such as `s3://bucket/runs/demo`: it
            is read from a temporary copy, and what is written there is uploaded by `upload`.

    Attributes:
        name: str, path or URL of the folder.
        folder: `pathlib.Path` of the folder, or of the copy.
    """

    CONFIG, VOCABULARY, NORMALIZATION, DATA = "config.yaml", "vocabulary.txt", "normalization.json", "data.json"
    NETWORK, TRAINED_ON, CALIBRATION = "frozen_network.json", "card.json", "calibration.json"
    # A published run has its weights in one file instead of checkpoints, and a model card and scores.
    WEIGHTS, CARD, SCORES = "weights.safetensors", "README.md", "scores.json"
    PUBLISHED = (CONFIG, VOCABULARY, NORMALIZATION, DATA, NETWORK, TRAINED_ON, CALIBRATION, WEIGHTS, CARD, SCORES)

    def __init__(self, folder):
        self._mirror = None
        self.name = str(folder) if is_url(folder) else str(pathlib.Path(folder))
        if set("[]*?\\") & set(str(folder)):
            # TensorFlow finds checkpoints with glob patterns. It would find none, and training would overwrite the run.
            raise RunError(f"{folder}: the path of a run folder must not contain [ ] * ? or \\")

    def __repr__(self):
        return f"{type(self).__name__}({self.name!r})"

    @functools.cached_property
    def folder(self):
        """`pathlib.Path` of the folder, or of the copy of a remote one."""
        if not is_url(self.name):
            return pathlib.Path(self.name)
        with self._readable():
            self._mirror = Mirror(self.name, (*self.PUBLISHED, "history.csv", "metrics.json"))
        return self._mirror.folder

    @contextlib.contextmanager
    def _readable(self):
        try:
            yield
        except OSError as error:
            raise RunError(f"cannot read the run folder {self.name}: {error.strerror or error}") from error

    def shown(self, name):
        """Returns the path or URL of a file of the run, for messages."""
        return os.path.join(self.name, name)

    def upload(self):
        """Uploads what was written to a remote run folder; for a local one, there is nothing to do.

        Raises:
            RunError: if it cannot be written.
        """
        if self._mirror is None:
            return
        try:
            self._mirror.upload()
        except OSError as error:
            raise RunError(
                f"cannot write to {self.name}: {error.strerror or error}; what was saved there before is intact: "
                "continue with --resume once it can be written"
            ) from error

    @property
    def exists(self):
        """Whether the folder holds a run."""
        return (self.folder / self.CONFIG).is_file()

    @property
    def config_path(self):
        """Path of the run's config file; raises `RunError` if there is none."""
        if not self.exists:
            raise RunError(f"{self.name} is not a run folder: it has no {self.CONFIG}")
        return self.folder / self.CONFIG

    @property
    def last(self):
        """Folder of the checkpoints that `--resume` continues from."""
        return self._fetched(LAST)

    @property
    def epochs(self):
        """Folder of the weights of the epochs that `training.keep_epochs` keeps."""
        return self._fetched(EPOCHS)

    def _fetched(self, checkpoints):
        """A folder of checkpoints, which are fetched if the run is remote."""
        folder = self.folder / checkpoints
        if self._mirror is not None:
            with self._readable():
                self._mirror.fetch_checkpoints(checkpoints)
        return folder

    @property
    def best(self):
        """Folder of the checkpoint with the best weights."""
        return self.folder / BEST

    @property
    def trained(self):
        """Whether there are best weights."""
        return self.published or any(self.best.glob("*.index"))

    @property
    def published(self):
        """Whether the folder was written by `aac-publish`."""
        return (self.folder / self.WEIGHTS).is_file()

    @property
    def started(self):
        """Whether there is a checkpoint that `--resume` continues from."""
        return (self.last / "checkpoint").is_file() and any(self.last.glob("*.index"))

    def check_trained(self):
        """Raises `RunError` unless there are best weights."""
        if not self.trained:
            raise RunError(f"{self.name} has no trained weights yet: its first epoch is not complete")

    @contextlib.contextmanager
    def locked(self):
        """Locks the folder for this process while the context is active. Remote file systems have no locks.

        Raises:
            RunError: if another process holds the lock.
        """
        made = [folder for folder in (self.folder, *self.folder.parents) if not folder.exists()]
        self.folder.mkdir(parents=True, exist_ok=True)  # of a remote run, the temporary copy
        try:
            with file_lock(self.folder / ".lock"):
                yield
        except LockedError as error:
            raise RunError(
                f"process {error.owner} is training in {self.name}: wait until it ends, or choose another folder "
                "with --run"
            ) from None
        finally:
            self._remove_unused(made)

    def _remove_unused(self, made):
        """Removes the folders that `locked` made, inner ones first, if nothing was written to them."""
        with contextlib.suppress(OSError):  # not empty
            if made and [path.name for path in self.folder.iterdir()] == [".lock"]:
                (self.folder / ".lock").unlink()
            for folder in made:
                folder.rmdir()

    def write_text(self, name, text):
        """Writes a file of the run folder atomically."""
        with atomic_write(self.folder / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8")

    def read_json(self, name):
        """Returns the dict in a JSON file of the run folder; raises `RunError` if it is damaged."""
        try:
            stored = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{self.shown(name)} is damaged: {error}") from error
        if not isinstance(stored, dict):
            raise RunError(f"{self.shown(name)} is damaged: expected a JSON object, found {type(stored).__name__}")
        return stored

    def checksum(self, name):
        """Returns the SHA-256 of a file of the run folder."""
        return hashlib.sha256((self.folder / name).read_bytes()).hexdigest()
