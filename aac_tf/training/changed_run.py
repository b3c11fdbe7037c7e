"""Writing a run with other weights than those that it was trained with."""

import shutil

import tensorflow as tf

from aac_tf.config import save_config
from aac_tf.runs import Run


def write_changed_run(run, output, values):
    """Writes a run like another one, with other weights. It cannot be resumed, and has no calibration.

    Args:
        run: `Run`.
        output: `pathlib.Path` of the run folder to write.
        values: {name: value} of everything in its checkpoint.
    """
    written = Run(output)
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
            shutil.copy(run.folder / name, output / name)
    # Last, as it marks the folder as a run.
    save_config(run.stored_config(), output / run.CONFIG)
