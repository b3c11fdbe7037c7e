"""How often a captioner uses a word, corrected after training."""

import math

import numpy as np
import tensorflow as tf

from aac_tf.datasets import DatasetError
from aac_tf.runs import RunError
from aac_tf.runs.card import read_card
from aac_tf.runs.correction import PRIOR, check_correctable
from aac_tf.runs.fetch import open_run
from aac_tf.training.changed_run import mean_weights, write_changed_run
from aac_tf.utils.counting import counted
from aac_tf.utils.files import check_new_folder, local_path

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

    Raises:
        DatasetError: if none of the words of some captions is known.
    """
    ignored = [*tokenizer.special_ids, tokenizer.end_id]
    frequencies = []
    for captions in (trained, wanted):
        tokens, length = tokenizer.encode(captions)
        found = tf.RaggedTensor.from_tensor(tokens, length).flat_values
        words = np.bincount(found, minlength=tokenizer.vocabulary_size())
        words[ignored] = 0
        if not words.any():
            name = "training" if captions is trained else "wanted"
            raise DatasetError(f"the run knows no word of {counted(len(captions), f'{name} caption')}")
        frequencies.append(words / words.sum() + _SMOOTHING)
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
        RunError: if the run has no checkpoint, or a damaged one, or was corrected already.
        DatasetError: if the run knows none of the words of some captions.
        ValueError: if the weight is not from 0 to 1.
        FileExistsError: if the output holds files.
        WriteError: if the disk is full.

    Reference:
        A. K. Menon et al., Long-Tail Learning via Logit Adjustment, ICLR 2021, https://arxiv.org/abs/2007.07314
    """
    if not (math.isfinite(weight) and 0 <= weight <= 1):
        raise ValueError(f"the weight must be between 0 and 1, got {weight:g}")
    run, output = open_run(run), local_path(output)
    check_new_folder(output)
    check_correctable(run)
    values = mean_weights([tf.train.latest_checkpoint(str(run.best))])
    tokenizer = run.tokenizer(run.stored_config())
    added = np.float32(weight) * log_ratios(tokenizer, trained, wanted)
    name = next((name for name in values if name.endswith(_BIAS)), None)
    if name is None or values[name].shape != added.shape:
        raise RunError(f"{run.name} has a checkpoint that does not fit its vocabulary of {len(added)} words")
    values[name] = values[name] + added
    write_changed_run(run, output, values, {**read_card(run), PRIOR: float(weight)})
    words = zip(tokenizer.get_vocabulary(), added.tolist())
    return sorted(words, key=lambda item: item[1])
