"""The run folder: everything that is needed to use, or to go on with, a trained model."""

import contextlib
import fcntl
import json
import os
import pathlib

import numpy as np
import tensorflow as tf

from aac_tf.config import ConfigError, flatten, load_config, save_config
from aac_tf.embeddings.fingerprint import difference
from aac_tf.errors import AacError
from aac_tf.text import WordTokenizer
from aac_tf.utils.atomic import atomic_write

# What a trained model still leaves open; keys that end with a dot are whole sections.
OPEN_KEYS = ("name", "paper", "data.", "decoding.", "embedding.source", "embedding.batch_windows")


class RunError(AacError, ValueError):
    """A run folder that is missing, incomplete, or not the one that was meant."""


class Run:
    """A run folder and its files. All are plain text or TensorFlow checkpoints; none is unpickled.

    Args:
        folder: path.

    Attributes:
        folder: `pathlib.Path`.
    """

    CONFIG, VOCABULARY, NORMALIZATION, DATA = "config.yaml", "vocabulary.txt", "normalization.json", "data.json"
    NETWORK = "frozen_network.json"

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        if set("[]*?\\") & set(str(folder)):
            # TensorFlow looks for checkpoints by patterns: it would find none, and a run would begin anew over the old.
            raise RunError(f"{folder}: the name of a run folder must be without [ ] * ? and \\")

    @property
    def exists(self):
        """Whether a run was begun here."""
        return (self.folder / self.CONFIG).is_file()

    @property
    def config_path(self):
        """The run's config; `RunError` where there is none."""
        if not self.exists:
            raise RunError(f"{self.folder} is not a run folder: it has no {self.CONFIG}")
        return self.folder / self.CONFIG

    @property
    def last(self):
        """Folder of the checkpoints that `--resume` goes on from."""
        return self.folder / "checkpoints" / "last"

    @property
    def best(self):
        """Folder of the checkpoint with the best score."""
        return self.folder / "checkpoints" / "best"

    @property
    def trained(self):
        """Whether there are weights to use."""
        return any(self.best.glob("*.index"))

    @contextlib.contextmanager
    def locked(self):
        """A context that one process at a time can be in.

        Raises:
            RunError: if another process is.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / ".lock", "a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                owner = file.read().strip() or "of another user"
                raise RunError(
                    f"process {owner} is training in {self.folder}: wait for its end, or name another folder with --run"
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def create(self, config, tokenizer, normalization, data=None, network=None):
        """Writes what stays the same during training; the config comes last, as it marks the folder as a run.

        Args:
            config: `Config`.
            tokenizer: `WordTokenizer`.
            normalization: None, or mean and variance, float [bins] each.
            data: what `data` shall return, a dict of what JSON takes.
            network: the `fingerprint` of the frozen network; None where there is none.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        tokenizer.save(self.folder / self.VOCABULARY)
        # A run that was begun here before, and never finished an epoch, may have left them.
        for name in (self.NORMALIZATION, self.NETWORK):
            (self.folder / name).unlink(missing_ok=True)
        if normalization is not None:
            mean, variance = (np.asarray(values, np.float64).tolist() for values in normalization)
            self.write_text(self.NORMALIZATION, json.dumps({"mean": mean, "variance": variance}))
        if network is not None:
            self.write_text(self.NETWORK, json.dumps({"fingerprint": network}))
        self.write_text(self.DATA, json.dumps(data or {}, indent=1))
        save_config(config, self.folder / self.CONFIG)

    def config(self, overrides=()):
        """The `Config` the run was begun with.

        Args:
            overrides: strings `section.key=value` that replace values of `OPEN_KEYS`.

        Raises:
            RunError: if there is no run.
            ConfigError: for an override that cannot be read, or of a key that training has settled.
        """
        config = load_config(self.config_path, overrides)
        before = flatten(load_config(self.config_path)) if overrides else {}
        for key, value in flatten(config).items():
            if value != before.get(key, value) and not key.startswith(OPEN_KEYS):
                raise ConfigError(
                    f"{key}={value}: the run was trained with {before[key]}, and that is settled; what can still be "
                    f"changed is {', '.join(name + '*' if name.endswith('.') else name for name in OPEN_KEYS[2:])}"
                )
        return config

    def tokenizer(self, config):
        """The run's `WordTokenizer`."""
        path = self.folder / self.VOCABULARY
        if not path.is_file():
            raise RunError(f"{self.folder} is incomplete: it has no {self.VOCABULARY}")
        return WordTokenizer.load(path, config.vocabulary.max_words)

    def normalization(self):
        """Mean and variance of the features, or None where the run has none."""
        path = self.folder / self.NORMALIZATION
        if not path.is_file():
            return None
        stored = json.loads(path.read_text())
        return np.array(stored["mean"], np.float32), np.array(stored["variance"], np.float32)

    def data(self):
        """What the run was trained on, as it was told to `create`; {} for a run that was told nothing."""
        path = self.folder / self.DATA
        return json.loads(path.read_text()) if path.is_file() else {}

    def check_network(self, network):
        """Makes sure that a frozen network is the one that the run was trained with.

        Args:
            network: its `fingerprint`; None where there is none.

        Raises:
            RunError: if it is another one. Runs that were begun before networks were remembered take any.
        """
        path = self.folder / self.NETWORK
        if network is None or not path.is_file():
            return
        apart = difference(network, json.loads(path.read_text())["fingerprint"])
        if apart:
            raise RunError(
                f"{self.folder} was trained with another frozen network: what this one makes of the same sound is "
                f"{100 * apart:.0f} % off; name the weights of then, embedding.source=..."
            )

    def restore_best(self, model):
        """Loads the best weights into a built model.

        Raises:
            RunError: if there is no checkpoint yet, or it is of another model.
        """
        checkpoint = tf.train.latest_checkpoint(str(self.best))
        if checkpoint is None:
            raise RunError(f"{self.folder} has no trained weights yet: its first epoch has not ended")
        try:
            tf.train.Checkpoint(model=model).restore(checkpoint).assert_existing_objects_matched().expect_partial()
        except (ValueError, AssertionError, tf.errors.OpError) as error:
            raise RunError(f"{checkpoint} does not fit the config beside it: {str(error).splitlines()[0]}") from error

    def write_text(self, name, text):
        """Writes a file of the run folder in one step, so that a killed program leaves the old one or the new one."""
        with atomic_write(self.folder / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
