"""Writing a run with other weights than those that it was trained with."""

import json
import shutil

import tensorflow as tf

from aac_tf.config import save_config
from aac_tf.runs import Run
from aac_tf.utils.atomic import atomic_folder


def write_changed_run(run, output, values, card=None):
    """Writes a run like another one, with other weights. It cannot be resumed, and has no calibration.

    Args:
        run: `Run`.
        output: `pathlib.Path` of the run folder to write, which appears only when it is complete.
        values: {name: value} of everything in its checkpoint.
        card: dict for JSON, other `card.json` than that of `run`.

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
        tf.compat.v1.train.update_checkpoint_state(str(written.best), "ckpt-1")
        for name in (run.VOCABULARY, run.NORMALIZATION, run.NETWORK, run.TRAINED_ON, run.DATA):
            if (run.folder / name).is_file():
                shutil.copy(run.folder / name, unfinished / name)
        if card is not None:
            written.write_text(run.TRAINED_ON, json.dumps(card, indent=1))
        save_config(run.stored_config(), unfinished / run.CONFIG)
