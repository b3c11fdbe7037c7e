"""The run folder: everything that is needed to use a trained model or to resume its training."""

import contextlib
import fcntl
import json
import os
import pathlib

import numpy as np
import tensorflow as tf

from aac_tf.config import ConfigError, flatten, load_config, save_config
from aac_tf.config.keys import NEVER
from aac_tf.config.loading import walk
from aac_tf.embeddings.fingerprint import difference
from aac_tf.errors import AacError
from aac_tf.text import WordTokenizer
from aac_tf.utils.atomic import atomic_write


class RunError(AacError, ValueError):
    """A run folder is missing or incomplete, or does not match what it is used with."""


class Run:
    """A run folder and its files: plain text and TensorFlow checkpoints, no pickles.

    Args:
        folder: path; the folder need not exist yet.

    Attributes:
        folder: `pathlib.Path`.
    """

    CONFIG, VOCABULARY, NORMALIZATION, DATA = "config.yaml", "vocabulary.txt", "normalization.json", "data.json"
    NETWORK = "frozen_network.json"

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        if set("[]*?\\") & set(str(folder)):
            # TensorFlow finds checkpoints with glob patterns. It would find none, and training would overwrite the run.
            raise RunError(f"{folder}: the path of a run folder must not contain [ ] * ? or \\")

    @property
    def exists(self):
        """Whether the folder holds a run."""
        return (self.folder / self.CONFIG).is_file()

    @property
    def config_path(self):
        """Path of the run's config file; raises `RunError` if there is none."""
        if not self.exists:
            raise RunError(f"{self.folder} is not a run folder: it has no {self.CONFIG}")
        return self.folder / self.CONFIG

    @property
    def last(self):
        """Folder of the checkpoints that `--resume` continues from."""
        return self.folder / "checkpoints" / "last"

    @property
    def best(self):
        """Folder of the checkpoint with the best weights."""
        return self.folder / "checkpoints" / "best"

    @property
    def trained(self):
        """Whether there are best weights."""
        return any(self.best.glob("*.index"))

    @contextlib.contextmanager
    def locked(self):
        """Locks the folder for this process while the context is active.

        Raises:
            RunError: if another process holds the lock.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / ".lock", "a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                owner = file.read().strip() or "of another user"
                raise RunError(
                    f"process {owner} is training in {self.folder}: wait until it ends, or choose another folder with "
                    "--run"
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def create(self, config, tokenizer, normalization, data=None, network=None):
        """Writes the files that do not change during training.

        Args:
            config: `Config`.
            tokenizer: `WordTokenizer`.
            normalization: mean and variance of the features, float `[bins]` each; None if they are not normalized.
            data: dict for JSON that `data()` will return.
            network: `fingerprint` of the frozen encoder; None if there is none.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        tokenizer.save(self.folder / self.VOCABULARY)
        # An earlier run that did not complete an epoch may have left them.
        for name in (self.NORMALIZATION, self.NETWORK):
            (self.folder / name).unlink(missing_ok=True)
        if normalization is not None:
            mean, variance = (np.asarray(values, np.float64).tolist() for values in normalization)
            self.write_text(self.NORMALIZATION, json.dumps({"mean": mean, "variance": variance}))
        if network is not None:
            self.write_text(self.NETWORK, json.dumps({"fingerprint": network}))
        self.write_text(self.DATA, json.dumps(data or {}, indent=1))
        # Last, as it marks the folder as a run.
        save_config(config, self.folder / self.CONFIG)

    def config(self, overrides=()):
        """Loads the `Config` that the run was started with.

        Args:
            overrides: list of str `section.key=value`, for keys that a trained run can still change.

        Raises:
            RunError: if there is no run.
            ConfigError: if an override is invalid, or its key cannot change after training.
        """
        config = load_config(self.config_path, overrides, drop_unused=True)
        before = flatten(load_config(self.config_path, drop_unused=True))
        for name, value, info in walk(config):
            if info["settled"] != NEVER and before.get(name, value) != value:
                raise ConfigError(
                    f"{name}={value}: the run was trained with {before[name]}, which cannot change any more; keys that "
                    f"can: {', '.join(_open_keys(config))}"
                )
        return config

    def tokenizer(self, config):
        """Loads the `WordTokenizer` of the run; `config` is its `Config`."""
        path = self.folder / self.VOCABULARY
        if not path.is_file():
            raise RunError(f"{self.folder} is incomplete: it has no {self.VOCABULARY}")
        return WordTokenizer.load(path, config.vocabulary.max_words)

    def normalization(self):
        """Loads mean and variance of the features; None if the run does not normalize them."""
        path = self.folder / self.NORMALIZATION
        if not path.is_file():
            return None
        stored = json.loads(path.read_text())
        return np.array(stored["mean"], np.float32), np.array(stored["variance"], np.float32)

    def data(self):
        """Loads the summary of the training data that was passed to `create`; {} if there is none."""
        path = self.folder / self.DATA
        return json.loads(path.read_text()) if path.is_file() else {}

    def check_network(self, network):
        """Checks that a frozen encoder is the one that the run was trained with.

        Args:
            network: `fingerprint` of the frozen encoder; None if there is none.

        Raises:
            RunError: if it is another one. Runs of earlier versions, which have no stored fingerprint, accept any.
        """
        path = self.folder / self.NETWORK
        if network is None or not path.is_file():
            return
        deviation = difference(network, json.loads(path.read_text())["fingerprint"])
        if deviation:
            raise RunError(
                f"{self.folder} was trained with another frozen network: the outputs for the same input differ by "
                f"{100 * deviation:.0f} %; pass the original weights with embedding.source=..."
            )

    def restore_best(self, model):
        """Loads the best weights into a built model.

        Raises:
            RunError: if there is no checkpoint yet, or it does not fit the model.
        """
        checkpoint = tf.train.latest_checkpoint(str(self.best))
        if checkpoint is None:
            raise RunError(f"{self.folder} has no trained weights yet: its first epoch is not complete")
        try:
            tf.train.Checkpoint(model=model).restore(checkpoint).assert_existing_objects_matched().expect_partial()
        except (ValueError, AssertionError, tf.errors.OpError) as error:
            raise RunError(f"{checkpoint} does not fit the run's config: {str(error).splitlines()[0]}") from error

    def write_text(self, name, text):
        """Writes a file of the run folder atomically."""
        with atomic_write(self.folder / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8")


def _open_keys(config):
    """The keys that a trained run can still change; `section.*` stands for all keys of a section."""
    sections = {}
    for name, _, info in walk(config):
        sections.setdefault(name.partition(".")[0], []).append((name, info["settled"] == NEVER))
    found = []
    for section, keys in sections.items():
        if all(is_open for _, is_open in keys):
            found.append(f"{section}.*" if len(keys) > 1 else section)
        else:
            found += [name for name, is_open in keys if is_open]
    return found
