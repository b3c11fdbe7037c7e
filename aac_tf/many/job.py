"""A job: a folder with the files that are to be captioned, cut into shards, and later with their captions."""

import dataclasses
import fnmatch
import hashlib
import json
import os

import tensorflow as tf

from aac_tf.errors import AacError

FORMAT = 2
FILES_PER_SHARD = 256


class JobError(AacError, ValueError):
    """A folder that cannot be this job's."""


@dataclasses.dataclass(frozen=True)
class Job:
    """What all workers have to know of a job.

    The folder holds `job.json`, which tells model, files and shards apart from another job's; `inputs.jsonl`, the
    paths, a JSON string a line; and the shards, see `captions` and `failed`.

    Attributes:
        folder: path, whatever `tf.io.gfile` writes to.
        files: int, how many are to be captioned.
        shards: int, in how many parts.
    """

    folder: str
    files: int
    shards: int

    def captions(self, shard):
        """Path of a shard's captions."""
        return self._named("captions", shard)

    def failed(self, shard):
        """Path of the list of a shard's files that have no caption."""
        return self._named("failed", shard)

    def summary(self):
        """Path of the counts over all shards, which is there once every shard is."""
        return os.path.join(self.folder, "summary.json")

    def unfinished(self):
        """Path of the folder for what is being written."""
        return os.path.join(self.folder, "unfinished")

    def done(self):
        """How many shards are there."""
        return len(fnmatch.filter(tf.io.gfile.listdir(self.folder), f"captions-*-of-{self.shards:05d}.jsonl"))

    def slices(self):
        """(shard, begin, end) of every shard: which bytes of `inputs.jsonl` are its own; one pass over the file."""
        bounds = [shard * self.files // self.shards for shard in range(self.shards + 1)]
        offsets, offset = [], 0
        with tf.io.gfile.GFile(_inputs(self.folder), "rb") as file:
            for number, line in enumerate(file.read().splitlines(keepends=True)):
                if number == bounds[len(offsets)]:
                    offsets.append(offset)
                offset += len(line)
        offsets.append(offset)
        return [(shard, begin, end) for shard, (begin, end) in enumerate(zip(offsets, offsets[1:]))]

    def paths(self, begin, end):
        """The paths, list of str, in some bytes of `inputs.jsonl`."""
        with tf.io.gfile.GFile(_inputs(self.folder), "rb") as file:
            file.seek(begin)
            return [json.loads(line) for line in file.read(end - begin).splitlines()]

    def _named(self, kind, shard):
        return os.path.join(self.folder, f"{kind}-{shard:05d}-of-{self.shards:05d}.jsonl")


def open_job(folder, paths, fingerprint, shards=None, overwrite=False):
    """Begins a job in a folder, or finds the one that was begun there.

    Args:
        folder: path, made where it is not there.
        paths: list of str, sorted, without repetitions, as from `find_files`.
        fingerprint: str, of the model, as from `model_fingerprint`.
        shards: int, how many; None: one for every 256 files.
        overwrite: whether another job's captions in the folder are deleted, rather than refused.

    Returns:
        `Job`.

    Raises:
        JobError: if there are no paths, or the folder holds captions of another model, other files or other shards.
    """
    if not paths:
        raise JobError("no files to caption: name files, patterns, or a list with --list")
    if shards is not None and shards < 1:
        raise JobError(f"at least one shard is needed, got {shards}")
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
    if tf.io.gfile.exists(_about(folder)):
        with tf.io.gfile.GFile(_about(folder)) as file:
            before = json.loads(file.read())
        if before == about:
            return job
        if not overwrite:
            other = ", ".join(key for key in about if before.get(key) != about[key])
            raise JobError(
                f"{folder} holds captions of another job ({other} differ): name another folder, or delete them with "
                "--overwrite"
            )
        _clear(folder)
    write_whole(_inputs(folder), inputs)
    write_whole(_about(folder), (json.dumps(about, indent=1) + "\n").encode())
    return job


def write_whole(path, contents, unfinished=None):
    """Writes a file beside its place and moves it there, so that it is whole or not there at all.

    Args:
        path: path, whatever `tf.io.gfile` writes to.
        contents: bytes.
        unfinished: path of the temporary file; None: `path` and `.unfinished`.
    """
    unfinished = unfinished or f"{path}.unfinished"
    with tf.io.gfile.GFile(unfinished, "wb") as file:
        file.write(contents)
    tf.io.gfile.rename(unfinished, path, overwrite=True)


def _inputs(folder):
    return os.path.join(folder, "inputs.jsonl")


def _about(folder):
    return os.path.join(folder, "job.json")


def _clear(folder):
    # The job's own file goes last: killed meanwhile, the folder still tells whose captions are left in it.
    mine = ["summary.json", "captions-*-of-*.jsonl", "failed-*-of-*.jsonl", "inputs.jsonl", "job.json"]
    names = tf.io.gfile.listdir(folder)
    for pattern in mine:
        for name in fnmatch.filter(names, pattern):
            tf.io.gfile.remove(os.path.join(folder, name))
