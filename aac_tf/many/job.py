"""A captioning job: a folder with the list of files to caption, split into shards, and their captions."""

import contextlib
import dataclasses
import fnmatch
import hashlib
import itertools
import json
import logging
import os

import tensorflow as tf

from aac_tf.errors import AacError
from aac_tf.utils.atomic import WriteError, atomic_write, writing
from aac_tf.utils.files import is_url, load_file_system
from aac_tf.utils.locks import LockedError, file_lock

logger = logging.getLogger(__name__)

FORMAT = 2
FILES_PER_SHARD = 256


class JobError(AacError, ValueError):
    """A job cannot be created or opened."""


@dataclasses.dataclass(frozen=True)
class Job:
    """A captioning job, as all workers need it.

    The folder holds `job.json`, which identifies the model, files and shards; `inputs.jsonl`, with one path per line as
    a JSON string; and the output files of the shards, see `captions` and `failed`.

    Attributes:
        folder: str, path in any file system of `tf.io.gfile`.
        files: int, number of files to caption.
        shards: int, number of shards.
    """

    folder: str
    files: int
    shards: int

    def captions(self, shard):
        """Path of the captions of a shard."""
        return self._named("captions", shard)

    def failed(self, shard):
        """Path of the list of files of a shard that could not be captioned."""
        return self._named("failed", shard)

    def summary(self):
        """Path of the counts of all shards, written once all of them are done."""
        return os.path.join(self.folder, "summary.json")

    def unfinished(self):
        """Path of the folder for files that are being written."""
        return os.path.join(self.folder, "unfinished")

    def done(self):
        """Number of shards that are done."""
        return len(fnmatch.filter(tf.io.gfile.listdir(self.folder), f"captions-*-of-{self.shards:05d}.jsonl"))

    def slices(self):
        """Returns a list of (shard, begin, end): the range of bytes of `inputs.jsonl` with the paths of each shard."""
        bounds = [shard * self.files // self.shards for shard in range(self.shards + 1)]
        offsets, offset = [], 0
        with tf.io.gfile.GFile(_inputs_path(self.folder), "rb") as file:
            for number, line in enumerate(file.read().splitlines(keepends=True)):
                if number == bounds[len(offsets)]:
                    offsets.append(offset)
                offset += len(line)
        offsets.append(offset)
        return [(shard, begin, end) for shard, (begin, end) in enumerate(itertools.pairwise(offsets))]

    def paths(self, begin, end):
        """Reads the paths in a range of bytes of `inputs.jsonl`, a list of str."""
        load_file_system(self.folder)  # in this worker
        with tf.io.gfile.GFile(_inputs_path(self.folder), "rb") as file:
            file.seek(begin)
            return [json.loads(line) for line in file.read(end - begin).splitlines()]

    def _named(self, kind, shard):
        return os.path.join(self.folder, f"{kind}-{shard:05d}-of-{self.shards:05d}.jsonl")


def open_job(folder, paths, fingerprint, shards=None, overwrite=False):
    """Creates a job in a folder, or opens it if the folder already holds the same job.

    Args:
        folder: str, path of the folder, which is created if necessary.
        paths: list of str, sorted, without duplicates, as from `find_files`.
        fingerprint: str, fingerprint of the model, as from `model_fingerprint`.
        shards: int, number of shards; None takes one per 256 files.
        overwrite: bool, whether to delete the captions of another job in the folder instead of raising an error.

    Returns:
        `Job`.

    Raises:
        JobError: if there are no paths, the folder holds captions of another model, other files or other shards, or its
            `job.json` is damaged. A damaged `inputs.jsonl` is written again.
    """
    if not paths:
        raise JobError("no files to caption: give paths, patterns, or a list with --list")
    if shards is not None and shards < 1:
        raise JobError(f"shards must be at least 1, got {shards}")
    inputs = "".join(json.dumps(path) + "\n" for path in paths).encode()
    job = Job(folder, len(paths), min(len(paths), shards or -(-len(paths) // FILES_PER_SHARD)))
    about = {
        "format": FORMAT,
        "model": fingerprint,
        "files": job.files,
        "inputs": hashlib.sha256(inputs).hexdigest(),
        "shards": job.shards,
    }
    tf.io.gfile.makedirs(folder)
    if tf.io.gfile.exists(_about_path(folder)):
        before = read_json(_about_path(folder))
        if before == about:
            if _read_bytes(_inputs_path(folder)) != inputs:
                logger.warning("%s is missing or damaged, and is written again", _inputs_path(folder))
                write_atomically(_inputs_path(folder), inputs)
            return job
        if not overwrite:
            if not isinstance(before, dict):
                raise JobError(
                    f"{_about_path(folder)} is damaged, so that nothing tells which model wrote the captions: choose "
                    "another folder, or delete them with --overwrite"
                )
            other = ", ".join(key for key in about if before.get(key) != about[key])
            raise JobError(
                f"{folder} holds captions of another job ({other} differ): choose another folder, or delete them with "
                "--overwrite"
            )
        _clear(folder)
    write_atomically(_inputs_path(folder), inputs)
    write_atomically(_about_path(folder), (json.dumps(about, indent=1) + "\n").encode())
    return job


@contextlib.contextmanager
def locked_folder(folder):
    """Locks the folder of a job on this machine while the context is active; it is created if necessary.

    Args:
        folder: str, path of the folder. Other file systems of `tf.io.gfile` have no locks.

    Raises:
        JobError: if another process holds the lock.
    """
    load_file_system(folder)
    tf.io.gfile.makedirs(folder)
    if is_url(folder):
        yield
        return
    try:
        with file_lock(os.path.join(folder, ".lock")):
            yield
    except LockedError as error:
        raise JobError(
            f"process {error.owner} is working on the job in {folder}: wait until it ends, or choose another folder"
        ) from None


def read_json(path):
    """Reads a JSON file; None if it is missing or damaged."""
    try:
        return json.loads(_read_bytes(path) or b"")
    except (ValueError, RecursionError):
        return None


def _read_bytes(path):
    """The content of a file; None if there is none."""
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            return file.read()
    except (tf.errors.NotFoundError, tf.errors.FailedPreconditionError):  # the latter for a folder
        return None


def write_atomically(path, contents, unfinished=None):
    """Writes a temporary file, then renames or uploads it, so that `path` never holds a partial file.

    Args:
        path: str, path in any file system of `tf.io.gfile`.
        contents: bytes.
        unfinished: str, path of the temporary file; None appends `.unfinished` to `path`.

    Raises:
        WriteError: if it cannot be written; a previous file is kept.
    """
    if is_url(path):
        # Object stores cannot rename, and S3 refuses to copy an empty file. An upload is whole or absent.
        with atomic_write(path) as local:
            local.write_bytes(contents)
        return
    unfinished = unfinished or f"{path}.unfinished"
    try:
        with writing(path, tf.errors.OpError):
            with tf.io.gfile.GFile(unfinished, "wb") as file:
                file.write(contents)
            tf.io.gfile.rename(unfinished, path, overwrite=True)
    except WriteError:
        with contextlib.suppress(tf.errors.OpError):
            tf.io.gfile.remove(unfinished)
        raise


def _inputs_path(folder):
    return os.path.join(folder, "inputs.jsonl")


def _about_path(folder):
    return os.path.join(folder, "job.json")


def _clear(folder):
    # job.json is last: if this process is killed, the folder still tells which job its captions belong to.
    patterns = ["summary.json", "captions-*-of-*.jsonl", "failed-*-of-*.jsonl", "inputs.jsonl", "job.json"]
    names = tf.io.gfile.listdir(folder)
    for pattern in patterns:
        for name in fnmatch.filter(names, pattern):
            tf.io.gfile.remove(os.path.join(folder, name))
