"""Starting from the weights of another run."""

import numpy as np

from aac_tf.build import build_model
from aac_tf.text import WordTokenizer


def extend_vocabulary(tokenizer, own):
    """Adds the words of a tokenizer to those of a run, whose ids do not change.

    Args:
        tokenizer: `WordTokenizer` of the run that training starts from.
        own: `WordTokenizer` of the training captions.

    Returns:
        `WordTokenizer`.
    """
    words = tokenizer.get_vocabulary()
    known = set(words)
    return WordTokenizer(words + [word for word in own.get_vocabulary() if word not in known], own.max_words)


def load_initial(model, config, run, tokenizer, bins):
    """Copies the weights of a run into a model; rows of words that only the model knows start as those of `<UNK>`.

    Args:
        model: built `CaptioningModel`, with the vocabulary of `extend_vocabulary`.
        config: `Config` of the model, whose architecture is that of the run (`check_architecture`).
        run: `Run` to copy from.
        tokenizer: `WordTokenizer` of that run.
        bins: int, width of the features.

    Raises:
        RunError: if the run has no weights, or they are damaged.
    """
    stored = run.stored_config()
    old = build_model(stored, tokenizer.vocabulary_size(), run.normalization(), bins=bins)
    run.restore_best(old)
    for new, weight in zip(model.trainable_weights, old.trainable_weights, strict=True):
        new.assign(_with_new_words(weight.numpy(), new.numpy(), tokenizer.unknown_id))


def _with_new_words(old, new, unknown_id):
    """`old`, extended to the shape of `new` along the axis of the vocabulary."""
    longer = [axis for axis, (before, now) in enumerate(zip(old.shape, new.shape)) if before != now]
    if not longer:
        return old
    (axis,) = longer
    if unknown_id is None:
        added = np.take(new, range(old.shape[axis], new.shape[axis]), axis)
    else:
        added = np.repeat(np.take(old, [unknown_id], axis), new.shape[axis] - old.shape[axis], axis)
    return np.concatenate([old, added], axis)
