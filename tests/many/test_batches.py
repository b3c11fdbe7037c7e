"""Batches of clips of similar length."""

import numpy as np
import pytest
import soundfile

from aac_tf.many.batches import batches

RATE = 16000


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("lengths"), np.random.default_rng(0)
    paths = []
    for number, seconds in enumerate(rng.permutation(np.linspace(0.1, 3.0, 40))):
        paths.append(str(folder / f"{number}.wav"))
        soundfile.write(paths[-1], rng.uniform(-0.5, 0.5, int(seconds * RATE)), RATE)
    return paths


def lengths(batch):
    return [len(clip.waveform) for clip in batch]


def test_batches_keep_their_limits_and_have_little_padding(paths):
    found = list(batches(paths, RATE, 10.0, 8, 60.0))
    assert sorted(clip.path for batch in found for clip in batch) == sorted(paths)
    assert all(len(batch) <= 8 and len(batch) * max(lengths(batch)) <= 10 * RATE for batch in found)
    padded = sum(len(batch) * max(lengths(batch)) for batch in found)
    assert padded < 1.25 * sum(sum(lengths(batch)) for batch in found)


def test_a_clip_longer_than_a_batch_forms_its_own(paths):
    found = list(batches(paths, RATE, 1.0, 8, 60.0))
    assert all(len(batch) == 1 for batch in found if max(lengths(batch)) > RATE)
    assert sum(map(len, found)) == len(paths)


def test_clips_that_are_too_long_have_a_reason(paths):
    found = list(batches(paths, RATE, 10.0, 8, 2.0))
    reasons = [batch[0].reason for batch in found if batch[0].waveform is None]
    assert set(reasons) == {"longer than 2 s (--max-seconds)"}
    assert all(max(lengths(batch)) <= 2 * RATE for batch in found if not batch[0].reason)
    assert sum(map(len, found)) == len(paths)
