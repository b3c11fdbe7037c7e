"""The run folder: everything that is needed to use a trained model or to resume its training."""

import contextlib
import copy
import functools
import hashlib
import json
import os
import pathlib

import numpy as np

from aac_tf.config import ConfigError, flatten, load_config, save_config
from aac_tf.config.keys import NEVER
from aac_tf.config.loading import walk
from aac_tf.embeddings.fingerprint import difference
from aac_tf.embeddings.sources import is_remote
from aac_tf.runs.errors import RunError
from aac_tf.runs.mirror import BEST, EPOCHS, LAST, Mirror
from aac_tf.text.vocabulary import Vocabulary
from aac_tf.utils.atomic import atomic_write
from aac_tf.utils.files import is_url
from aac_tf.utils.locks import LockedError, file_lock


class Run:
    """A run folder and its files: plain text and TensorFlow checkpoints, no pickles.

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

    def _shown(self, name):
        """Path or URL of a file of the run, for messages."""
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

    def create(self, config, tokenizer, normalization, data=None, network=None, card=None, origin=None):
        """Writes the files that do not change during training.

        Args:
            config: `Config`.
            tokenizer: `WordTokenizer`.
            normalization: mean and variance of the features, float `[bins]` each; None if they are not normalized.
            data: dict for JSON that `data()` will return.
            network: `fingerprint` of the frozen encoder; None if there is none.
            card: dict of `aac_tf.runs.card.make_card`, what the run is trained on; None writes none.
            origin: dict, `FrozenEncoder.origin`; None if there is no frozen encoder.

        Raises:
            RunError: if the normalization is not finite.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.folder / self.VOCABULARY) as unfinished:
            tokenizer.save(unfinished)
        # An earlier run that did not complete an epoch may have left them.
        for name in (self.NORMALIZATION, self.NETWORK, self.TRAINED_ON, self.CALIBRATION):
            (self.folder / name).unlink(missing_ok=True)
        if normalization is not None:
            if not np.isfinite(normalization).all():
                raise RunError("the mean or variance of the features is not finite: is a sound file damaged?")
            mean, variance = (np.asarray(values, np.float64).tolist() for values in normalization)
            # The checksum tells files of other runs apart.
            stored = {"mean": mean, "variance": variance, "vocabulary": self._checksum(self.VOCABULARY)}
            self.write_text(self.NORMALIZATION, json.dumps(stored))
        if network is not None:
            self.write_text(self.NETWORK, json.dumps({**(origin or {}), "fingerprint": network}))
        if card is not None:
            self.write_text(self.TRAINED_ON, json.dumps(card, indent=1))
        self.write_text(self.DATA, json.dumps(data or {}, indent=1))
        # Last, as it marks the folder as a run.
        with atomic_write(self.folder / self.CONFIG) as unfinished:
            save_config(config, unfinished)
        self.upload()

    def config(self, overrides=()):
        """Loads the `Config` that the run was started with.

        Args:
            overrides: list of str `section.key=value`, for keys that a trained run can still change.

        Raises:
            RunError: if there is no run, or its config names weights to download that are not the published ones.
            ConfigError: if an override is invalid, or its key cannot change after training.
        """
        config = self.started_with(overrides)
        before = flatten(self.stored_config())
        for name, value, info in walk(config):
            if info["settled"] != NEVER and before.get(name, value) != value:
                raise ConfigError(
                    f"{name}={value}: the run was trained with {before[name]}, which cannot change any more; keys that "
                    f"can: {', '.join(_open_keys(config))}"
                )
        return config

    def started_with(self, overrides=()):
        """Loads the `Config` that the run was started with, and applies any overrides; see `config`."""
        self._check_source(self.stored_config(), overrides)
        return self.stored_config(overrides)

    def vocabulary(self):
        """Reads the words of the run, a list of str in the order of their ids."""
        path = self.folder / self.VOCABULARY
        if not path.is_file():
            raise RunError(f"{self.name} is incomplete: it has no {self.VOCABULARY}")
        try:
            return path.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise RunError(f"{self._shown(self.VOCABULARY)} is damaged: {error}") from error

    def tokenizer(self, config):
        """Loads the `WordTokenizer` of the run; `config` is its `Config`."""
        from aac_tf.text import WordTokenizer  # imports TensorFlow, which checks of a run folder do not need

        return self.words(config, WordTokenizer)

    def words(self, config, kind=Vocabulary):
        """Loads the `Vocabulary` of the run, or a subclass; `config` is its `Config`."""
        words = self.vocabulary()
        try:
            return kind(words, config.vocabulary.max_words)
        except ValueError as error:
            raise RunError(f"{self._shown(self.VOCABULARY)} is damaged: {error}") from error

    def normalization(self, bins=None):
        """Loads mean and variance of the features.

        Args:
            bins: int, number of bins that they must have; None accepts any number.

        Returns:
            (mean, variance), float32 numpy arrays `[bins]`; None if the run does not normalize its features.

        Raises:
            RunError: if the file is missing, damaged, of another run or of another number of bins.
        """
        path, expected = self._shown(self.NORMALIZATION), self.stored_config().audio.normalize
        if (self.folder / self.NORMALIZATION).is_file() != expected:
            state = "is missing, but" if expected else "belongs to another run:"
            raise RunError(f"{path} {state} the run's config has audio.normalize={str(expected).lower()}")
        if not expected:
            return None
        stored = self._read_json(self.NORMALIZATION)
        try:
            mean, variance = (np.array(stored[name], np.float32) for name in ("mean", "variance"))
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{path} is damaged: it has no lists of numbers mean and variance") from error
        size = mean.size if bins is None else bins
        if mean.shape != (size,) or variance.shape != (size,):
            raise RunError(f"{path} does not fit the run: expected {size} means and variances, one per bin")
        if not (np.isfinite(mean).all() and np.isfinite(variance).all() and (variance > 0).all()):
            raise RunError(f"{path} is damaged: means must be finite, and variances finite and above 0")
        if stored.get("vocabulary", self._checksum(self.VOCABULARY)) != self._checksum(self.VOCABULARY):
            raise RunError(f"{path} belongs to another run than {self.VOCABULARY}")
        return mean, variance

    def data(self):
        """Loads the summary of the training data that was passed to `create`; {} if there is none."""
        return self._read_json(self.DATA) if (self.folder / self.DATA).is_file() else {}

    def calibration(self):
        """Loads the calibration of `Caption.confidence`, a dict; None if there is none."""
        return self._read_json(self.CALIBRATION) if (self.folder / self.CALIBRATION).is_file() else None

    def write_calibration(self, calibration):
        """Writes the calibration, a dict for JSON; None removes it."""
        if calibration is None:
            (self.folder / self.CALIBRATION).unlink(missing_ok=True)
        else:
            self.write_text(self.CALIBRATION, json.dumps(calibration, indent=1) + "\n")
        self.upload()

    def network(self):
        """Loads what is known of the frozen encoder: dict of `fingerprint` and its `origin`; {} if there is none."""
        return self._read_json(self.NETWORK) if (self.folder / self.NETWORK).is_file() else {}

    def check_network(self, network):
        """Checks that a frozen encoder is the one that the run was trained with.

        Args:
            network: `fingerprint` of the frozen encoder; None if there is none.

        Raises:
            RunError: if it is another one. Runs of earlier versions, which have no stored fingerprint, accept any.
        """
        path = self._shown(self.NETWORK)
        if network is None or not (self.folder / self.NETWORK).is_file():
            return
        stored = self.network().get("fingerprint")
        if not (isinstance(stored, list) and all(isinstance(value, (int, float)) for value in stored)):
            raise RunError(f"{path} is damaged: it has no list of numbers fingerprint")
        deviation = difference(network, stored)
        if deviation:
            raise RunError(
                f"{self.name} was trained with another frozen network: the outputs for the same input differ by "
                f"{100 * deviation:.0f} %; pass the original weights with embedding.source=..."
            )

    def restore_best(self, model):
        """Loads the best weights into a built model.

        Raises:
            RunError: if there is no checkpoint yet, or it is damaged or does not fit the model.
        """
        self.check_trained()
        if self.published:
            from aac_tf.runs.weights import load_weights  # imports TensorFlow

            load_weights(model, self.folder / self.WEIGHTS)
            return
        import tensorflow as tf

        checkpoint = tf.train.latest_checkpoint(str(self.best))
        if checkpoint is None:
            raise RunError(f"{self.name} is damaged: {BEST} names no checkpoint")
        shown = self._shown(f"{BEST}/{pathlib.PurePath(checkpoint).name}")
        try:
            tf.train.Checkpoint(model=model).restore(checkpoint).assert_existing_objects_matched().expect_partial()
        except (ValueError, AssertionError) as error:
            raise RunError(f"{shown} does not fit the run's config: {str(error).splitlines()[0]}") from error
        except Exception as error:  # TensorFlow raises anything for damaged files, for example IndexError
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise RunError(f"{shown} is damaged or truncated: {reason}") from error
        if not all(np.isfinite(weight).all() for weight in model.get_weights()):
            raise RunError(f"{shown} has weights that are not finite")

    def write_text(self, name, text):
        """Writes a file of the run folder atomically."""
        with atomic_write(self.folder / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8")

    def _read_json(self, name):
        """The dict in a file of the run folder."""
        try:
            stored = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{self._shown(name)} is damaged: {error}") from error
        if not isinstance(stored, dict):
            raise RunError(f"{self._shown(name)} is damaged: expected a JSON object, found {type(stored).__name__}")
        return stored

    def _checksum(self, name):
        return hashlib.sha256((self.folder / name).read_bytes()).hexdigest()

    def stored_config(self, overrides=()):
        """Loads the stored `Config` with overrides, without checking whether it is safe to use; see `started_with`."""
        contents = self.config_path.read_bytes()
        return copy.deepcopy(_load_config(str(self.config_path), contents, tuple(overrides)))

    def _check_source(self, stored, overrides):
        """Raises `RunError` if the stored config, rather than the user, names weights to download from elsewhere.

        A run folder may come from anyone, and nobody should fetch what its author put on a server.
        """
        if any(override.startswith("embedding.source=") for override in overrides):
            return
        source = getattr(stored.embedding, "source", None)
        if source is not None and is_remote(stored.embedding.kind, source):
            raise RunError(
                f"{self._shown(self.CONFIG)} names embedding.source={source}, which is neither here nor the published "
                f"weights: if you trust it, pass embedding.source={source}, or another copy of the weights"
            )


@functools.lru_cache(maxsize=16)
def _load_config(path, contents, overrides):
    """Loads a stored config once for equal `contents`: commands ask for it many times, and it takes 40 ms."""
    # Earlier versions accepted keys of other kinds, without effect.
    return load_config(path, overrides, drop_unused=True)


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
