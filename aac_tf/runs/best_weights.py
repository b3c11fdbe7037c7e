"""Loading the best weights of a run into a model."""

import pathlib

import numpy as np

from aac_tf.runs.errors import RunError
from aac_tf.runs.mirror import BEST


def restore_best(folder, model):
    """Loads the best weights of a run folder into a built model.

    Args:
        folder: `RunFolder`.
        model: `CaptioningModel`.

    Raises:
        RunError: if there is no checkpoint yet, or it is damaged or does not fit the model.
    """
    folder.check_trained()
    if folder.published:
        from aac_tf.runs.weights import load_weights  # imports TensorFlow

        load_weights(model, folder.folder / folder.WEIGHTS)
        return
    import tensorflow as tf

    checkpoint = tf.train.latest_checkpoint(str(folder.best))
    if checkpoint is None:
        raise RunError(f"{folder.name} is damaged: {BEST} names no checkpoint")
    shown = folder.shown(f"{BEST}/{pathlib.PurePath(checkpoint).name}")
    try:
        tf.train.Checkpoint(model=model).restore(checkpoint).assert_existing_objects_matched().expect_partial()
    except (ValueError, AssertionError) as error:
        raise RunError(f"{shown} does not fit the run's config: {str(error).splitlines()[0]}") from error
    except Exception as error:  # TensorFlow raises anything for damaged files, for example IndexError
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise RunError(f"{shown} is damaged or truncated: {reason}") from error
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise RunError(f"{shown} has weights that are not finite")
