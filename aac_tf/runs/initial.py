"""The run whose weights training starts from (`training.initial`), and the architecture that both must share."""

import json

from aac_tf.config import ConfigError, flatten
from aac_tf.runs.fetch import open_run

_ARCHITECTURE = ("audio.", "embedding.", "encoder.", "decoder.", "vocabulary.padding")
# Keys of these sections without influence on the weights.
_FREE = ("embedding.source", "embedding.batch_windows", "embedding.precision", "encoder.dropout", "decoder.dropout")


def open_initial(config):
    """Opens the run that a config starts from, as `find_run` finds it; None if it starts from random weights.

    Raises:
        RunError: if it is not a trained run.
        DownloadError: if it cannot be downloaded.
    """
    if config.training.initial is None:
        return None
    run = open_run(config.training.initial)
    run.stored_config()
    run.check_trained()
    return run


def architecture(run):
    """The architecture of a run as config overrides.

    Args:
        run: `Run`.

    Returns:
        list of str `section.key=value`.
    """
    return [
        f"{name}={json.dumps(value)}"
        for name, value in flatten(run.stored_config()).items()
        if name.startswith(_ARCHITECTURE) and name not in _FREE
    ]


def check_architecture(config, run):
    """Raises `ConfigError` if the weights of a run do not fit the architecture of a config; it names the key."""
    wanted, found = flatten(config), flatten(run.stored_config())
    for name, value in wanted.items():
        if name.startswith(_ARCHITECTURE) and name not in _FREE and value != found.get(name):
            raise ConfigError(
                f"{name}={value}: training.initial={run.name} has {found.get(name)}, and its weights do not fit; "
                f"leave {name} out, or start without training.initial"
            )
