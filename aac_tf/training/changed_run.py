"""Writing a run with other weights than those it was trained with."""

import json
import pathlib
import shutil

import numpy as np
import tensorflow as tf

from aac_tf.config import save_config
from aac_tf.runs import Run, RunError
from aac_tf.utils.atomic import atomic_folder


def mean_weights(checkpoints):
    """Reads the weights of checkpoints.

    Args:
        checkpoints: list of paths, in one folder.

    Returns:
        {name: value} of everything in them: the mean of floats, and other values as in the last checkpoint.

    Raises:
        RunError: if they are damaged.
    """
    try:
        readers = [tf.train.load_checkpoint(str(path)) for path in checkpoints]
        values = {name: readers[-1].get_tensor(name) for name in readers[-1].get_variable_to_shape_map()}
        for name, value in values.items():
            if getattr(value, "dtype", None) is not None and value.dtype.kind == "f":
                values[name] = np.mean([reader.get_tensor(name) for reader in readers], axis=0, dtype=np.float64)
                values[name] = values[name].astype(value.dtype)
    except Exception as error:  # TensorFlow raises anything for damaged files
        raise RunError(f"{pathlib.Path(checkpoints[0]).parent} has damaged checkpoints: {error}") from error
    return values


def write_changed_run(run, output, values, card=None):
    """Writes a copy of a run with other weights. It cannot be resumed, and has no calibration.

    Args:
        run: `Run`.
        output: `pathlib.Path` of the run folder to write, which appears only when it is complete.
        values: {name: value} of everything in its checkpoint.
        card: dict for JSON, a `card.json` in place of that of `run`.

    Raises:
        RunError: if the path cannot be that of a run folder.
        WriteError: if the disk is full.
    """
    Run(output)
    with atomic_folder(output, tf.errors.OpError) as unfinished:
        written = Run(unfinished)
        written.best.mkdir(parents=True)
        names = list(values)
        tf.raw_ops.SaveV2(
            prefix=str(written.best / "ckpt-1"),
            tensor_names=names,
            shape_and_slices=[""] * len(names),
            tensors=list(values.values()),
        )
        # Given a relative folder, it would take the checkpoint's name for a path from the working directory.
        tf.compat.v1.train.update_checkpoint_state(str(written.best.absolute()), "ckpt-1")
        for name in (run.VOCABULARY, run.NORMALIZATION, run.NETWORK, run.TRAINED_ON, run.DATA):
            if (run.folder / name).is_file():
                shutil.copy(run.folder / name, unfinished / name)
        if card is not None:
            written.write_text(run.TRAINED_ON, json.dumps(card, indent=1))
        save_config(run.stored_config(), unfinished / run.CONFIG)
