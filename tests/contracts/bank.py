"""Checks that a bank of sounds keeps the contract of `aac_tf.scenes.banks.Bank`."""

import json

import numpy as np

from aac_tf.datasets import SPLITS
from aac_tf.scenes.banks import Bank


def check_bank(bank):
    """Checks everything that `Bank` promises.

    Args:
        bank: `Bank`.
    """
    assert isinstance(bank, Bank)
    assert bank.categories
    assert list(bank.categories) == sorted(set(bank.categories))
    assert set(bank.sustained) <= set(bank.categories)
    description = bank.describe()
    assert description == json.loads(json.dumps(description)), "the description is not made of JSON types"
    assert description["kind"]
    available = {split: bank.available(split) for split in SPLITS}
    assert set(available["train"]) == set(bank.categories), "every category needs sounds to train on"
    for category in bank.categories:
        splits = [split for split in SPLITS if category in available[split]]
        drawn = [bank.clip(category, split, np.random.default_rng(0)) for split in splits]
        np.testing.assert_array_equal(drawn[0], bank.clip(category, "train", np.random.default_rng(0)))
        drawn += [bank.recording(category, split, np.random.default_rng(0)) for split in splits]
        again = bank.recording(category, "train", np.random.default_rng(0))
        np.testing.assert_array_equal(drawn[len(splits)], again)
        for split in splits:
            waveform, class_name = bank.recording_or_stand_in(category, split, np.random.default_rng(0))
            np.testing.assert_array_equal(waveform, bank.recording(category, split, np.random.default_rng(0)))
            classes = set(bank.drawn.get(category, ())) | (set() if category in bank.only_drawn else {""})
            assert class_name in (classes if split == "train" else {""}), "a class that is not among `Bank.drawn`"
        for index, clip in enumerate(drawn):
            _check_clip(clip)
            others = [other for place, other in enumerate(drawn[:index]) if place % len(splits) != index % len(splits)]
            assert not any(np.array_equal(clip, other) for other in others), "two splits share a sound"
        clip = bank.clip(category, splits[-1], np.random.default_rng(1), seconds=0.7)
        _check_clip(clip)
        seconds = len(clip) / bank.sample_rate
        assert seconds <= 0.7
        assert category not in bank.sustained or seconds > 0.6, "a sustained sound does not have the length asked for"


def _check_clip(clip):
    assert clip.ndim == 1
    assert clip.dtype == np.float32
    assert np.isfinite(clip).all()
    assert np.abs(clip).max() > 0, "a silent sound"
