"""A trained run: everything that is needed to use its model or to resume its training."""

import copy
import functools
import json

from aac_tf.config import load_config, save_config
from aac_tf.runs.best_weights import restore_best
from aac_tf.runs.errors import RunError
from aac_tf.runs.folder import RunFolder
from aac_tf.runs.network import check_network
from aac_tf.runs.normalization import read_normalization, write_normalization
from aac_tf.runs.stored_config import check_settled, check_source
from aac_tf.text.vocabulary import Vocabulary
from aac_tf.utils.atomic import atomic_write


class Run(RunFolder):
    """A run folder and what its files hold; see `RunFolder` for the folder itself.

    Args:
        folder: path; the folder need not exist yet. Or the URL of a remote folder, such as `s3://bucket/runs/demo`.
    """

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
            write_normalization(self, normalization)
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
            overrides: list of str `section.key=value`, for keys that can be changed after training.

        Raises:
            RunError: if there is no run, or its config names weights to download that are not the published ones.
            ConfigError: if an override is invalid, or its key cannot change after training.
        """
        config = self.started_with(overrides)
        check_settled(config, self.stored_config())
        return config

    def started_with(self, overrides=()):
        """Loads the `Config` that the run was started with, and applies any overrides; see `config`."""
        check_source(self.stored_config(), overrides, self.shown(self.CONFIG))
        return self.stored_config(overrides)

    def stored_config(self, overrides=()):
        """Loads the stored `Config` with overrides, without checking whether it is safe to use; see `started_with`."""
        contents = self.config_path.read_bytes()
        overrides = overrides if isinstance(overrides, str) else tuple(overrides)  # `load_config` refuses a str
        return copy.deepcopy(_load_config(str(self.config_path), contents, overrides))

    def vocabulary(self):
        """Reads the words of the run, a list of str in the order of their ids."""
        path = self.folder / self.VOCABULARY
        if not path.is_file():
            raise RunError(f"{self.name} is incomplete: it has no {self.VOCABULARY}")
        try:
            return path.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise RunError(f"{self.shown(self.VOCABULARY)} is damaged: {error}") from error

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
            raise RunError(f"{self.shown(self.VOCABULARY)} is damaged: {error}") from error

    def normalization(self, bins=None):
        """Loads mean and variance of the features; see `read_normalization`."""
        return read_normalization(self, self.stored_config().normalizes, bins)

    def data(self):
        """Loads the summary of the training data that was passed to `create`; {} if there is none."""
        return self.read_json(self.DATA) if (self.folder / self.DATA).is_file() else {}

    def calibration(self):
        """Loads the calibration of `Caption.confidence`, a dict; None if there is none."""
        return self.read_json(self.CALIBRATION) if (self.folder / self.CALIBRATION).is_file() else None

    def write_calibration(self, calibration):
        """Writes the calibration, a dict for JSON; None removes it."""
        if calibration is None:
            (self.folder / self.CALIBRATION).unlink(missing_ok=True)
        else:
            self.write_text(self.CALIBRATION, json.dumps(calibration, indent=1) + "\n")
        self.upload()

    def network(self):
        """Loads what is known of the frozen encoder: dict of `fingerprint` and its `origin`; {} if there is none."""
        return self.read_json(self.NETWORK) if (self.folder / self.NETWORK).is_file() else {}

    def check_network(self, network):
        """Raises `RunError` if the run was trained with another frozen encoder; see `aac_tf.runs.network`."""
        check_network(self, network)

    def restore_best(self, model):
        """Loads the best weights into a built model; see `aac_tf.runs.best_weights`."""
        restore_best(self, model)


@functools.lru_cache(maxsize=16)
def _load_config(path, contents, overrides):
    """Loads a stored config once for equal `contents`: commands ask for it many times, and it takes 40 ms."""
    # Earlier versions accepted keys of other kinds, without effect.
    return load_config(path, overrides, drop_unused=True)
