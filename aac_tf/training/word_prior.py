"""How often a captioner uses a word, corrected after training."""

import pathlib

import numpy as np
import tensorflow as tf

from aac_tf.runs import Run, RunError
from aac_tf.runs.fetch import find_run
from aac_tf.training.changed_run import mean_weights, write_changed_run
from aac_tf.utils.files import check_new_folder

_BIAS = "decoder/_classifier/bias/.ATTRIBUTES/VARIABLE_VALUE"
_SMOOTHING = 6e-5  # added to the frequency of each word


def log_ratios(tokenizer, trained, wanted):
    """Compares the frequencies of words in two sets of captions.

    Args:
        tokenizer: `WordTokenizer`.
        trained: list of str, the training captions.
        wanted: list of str, other captions.

    Returns:
        float32 `[vocabulary]`, the logarithm of the ratio of each word's frequency in `wanted` to that in `trained`;
        0 for the special tokens.
    """
    ignored = [*tokenizer.special_ids, tokenizer.end_id]
    frequencies = []
    for captions in (trained, wanted):
        tokens, length = tokenizer.encode(captions)
        found = tf.RaggedTensor.from_tensor(tokens, length).flat_values
        words = np.bincount(found, minlength=tokenizer.vocabulary_size())
        words[ignored] = 0
        frequencies.append(words / max(words.sum(), 1) + _SMOOTHING)
    ratios = np.log(frequencies[1] / frequencies[0])
    ratios[ignored] = 0
    return ratios.astype(np.float32)


def correct_prior(run, output, trained, wanted, weight=1.0):
    """Writes a run whose captions use words about as often as other captions do, not as its training captions.

    A captioner that is trained on scenes of rare sounds as on those of common ones knows both, but names the rare ones
    too often in recordings of everyday life. Its logits get `weight` times the logarithm of the ratio of a word's
    frequencies, which is a part of the bias of the classifier, so that every form of the model has it.

    Args:
        run: path of the run folder, with checkpoints.
        output: path of the run folder to write, which must not exist or be empty.
        trained: list of str, the training captions of the run.
        wanted: list of str, captions that use words as often as the captioner should.
        weight: float, 0 for no correction to 1 for all of it.

    Returns:
        list of (word, what is added to its logit), sorted by the latter.

    Raises:
        RunError: if the run has no checkpoint, or a damaged one.
        FileExistsError: if the output holds files.

    Reference:
        A. K. Menon et al., Long-Tail Learning via Logit Adjustment, ICLR 2021, https://arxiv.org/abs/2007.07314
    """
    run, output = Run(find_run(run)), pathlib.Path(output)
    check_new_folder(output)
    path = tf.train.latest_checkpoint(str(run.best))
    if path is None:
        raise RunError(f"{run.name} has no checkpoint, which training writes and published runs lack")
    values = mean_weights([path])
    tokenizer = run.tokenizer(run.stored_config())
    added = weight * log_ratios(tokenizer, trained, wanted)
    (name,) = (name for name in values if name.endswith(_BIAS))
    values[name] = values[name] + added
    write_changed_run(run, output, values)
    words = zip(tokenizer.get_vocabulary(), added.tolist())
    return sorted(words, key=lambda item: item[1])
