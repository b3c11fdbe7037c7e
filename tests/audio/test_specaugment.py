import numpy as np
import pytest
import tensorflow as tf

from aac_tf.audio import SpecAugment

draw_many = tf.function(
    lambda augment, frames, bins, seeds: tf.map_fn(
        lambda seed: tf.stack(augment.draw(frames, bins, seed)), seeds, parallel_iterations=64
    )
)


def seeds(count):
    return tf.stack([tf.range(count), tf.range(count) * 7 + 1], axis=1)


def draws(augment, frames, bins, count=3000):
    return draw_many(augment, frames, bins, seeds(count)).numpy().T


def test_draws_cover_the_range_evenly():
    time_start, time_width, bin_start, bin_width = draws(SpecAugment(192, 48, probability=1.0), 1292, 64)
    assert (time_width.min(), time_width.max()) == (0, 192)
    assert (bin_width.min(), bin_width.max()) == (0, 48)
    assert abs(time_width.mean() - 96) < 4
    assert abs(bin_width.mean() - 24) < 1
    assert time_start.min() >= 0
    assert bin_start.min() >= 0
    assert (time_start + time_width).max() <= 1292
    assert (bin_start + bin_width).max() <= 64
    assert abs((time_start / (1292 - time_width)).mean() - 0.5) < 0.03
    assert abs(np.corrcoef(time_width, bin_width)[0, 1]) < 0.1


def test_probability_of_masking():
    _, time_width, _, bin_width = draws(SpecAugment(), 1000, 64)
    masked = (time_width > 0) | (bin_width > 0)
    assert abs(masked.mean() - 0.4) < 0.04
    assert not draws(SpecAugment(probability=0.0), 1000, 64, 200)[[1, 3]].any()


@pytest.mark.parametrize(("frames", "bins"), [(1, 1), (2, 1), (1, 64), (5, 3), (100, 48)])
def test_short_clips_keep_a_frame_and_a_bin(frames, bins):
    augment = SpecAugment(probability=1.0)
    _, time_width, _, bin_width = draws(augment, frames, bins, 300)
    assert time_width.max() == min(frames - 1, 192)
    assert bin_width.max() == min(bins - 1, 48)
    for seed in range(20):
        assert augment(tf.ones([frames, bins]), [seed, 3]).numpy().any()


def test_same_seed_gives_same_masks_in_and_outside_a_pipeline():
    augment, clip = SpecAugment(probability=1.0), tf.random.stateless_normal([300, 64], [1, 1])
    first = augment(clip, [4, 2])
    np.testing.assert_array_equal(first, augment(clip, tf.constant([4, 2])))
    mapped = tf.data.Dataset.from_tensors(clip).map(lambda clip: augment(clip, [4, 2]), num_parallel_calls=2)
    np.testing.assert_array_equal(first, next(iter(mapped)))
    assert not np.array_equal(first, augment(clip, [4, 3]))


def runs(masked):
    """(start, width) of the only run of True; width 0 without one."""
    index = np.flatnonzero(masked)
    if not index.size:
        return 0, 0
    assert np.array_equal(index, np.arange(index[0], index[-1] + 1)), "more than one run"
    return int(index[0]), index.size


def test_masks_are_those_drawn():
    augment = SpecAugment(20, 10, probability=1.0, mask_value=-7.0)
    clip = tf.random.stateless_normal([100, 64], [1, 1])
    for seed in range(20):
        time_start, time_width, bin_start, bin_width = (int(value) for value in augment.draw(100, 64, [seed, 0]))
        expected = clip.numpy()
        expected[time_start : time_start + time_width] = -7.0
        expected[:, bin_start : bin_start + bin_width] = -7.0
        np.testing.assert_array_equal(augment(clip, [seed, 0]), expected)


def test_masks_have_the_form_of_tensorflow_io():
    tfio = pytest.importorskip("tensorflow_io", reason="tensorflow-io has no build for Python 3.12 and later")

    ours, theirs = {}, {}
    for axis, max_frames, max_bins, mask in (
        (0, 10, 0, tfio.audio.time_mask),
        (1, 0, 10, tfio.audio.freq_mask),
    ):
        augment = SpecAugment(max_frames, max_bins, probability=1.0)
        their_mask = tf.function(
            lambda clip, mask=mask: mask(clip, 11)
        )  # its widths exclude the maximum, ours include it
        our_mask = tf.function(augment)
        clip = tf.ones([60, 40])
        for widths, masked in (
            (ours, [our_mask(clip, tf.constant([seed, 5])).numpy() for seed in range(200)]),
            (theirs, [their_mask(clip).numpy() for _ in range(200)]),
        ):
            for one in masked:
                along = np.all(one == 0, axis=1 - axis)
                assert np.array_equal(one == 0, np.broadcast_to(np.expand_dims(along, 1 - axis), one.shape))
                widths.setdefault(axis, set()).add(runs(along)[1])
    assert ours == theirs == {0: set(range(11)), 1: set(range(11))}


def test_a_batch_is_masked_like_its_clips_without_their_padding():
    augment, length = SpecAugment(6, 4, probability=0.9, mask_value=-7.0), [20, 9, 1, 14]
    features = tf.random.stateless_normal([4, 20, 8], [1, 1])
    uniform = tf.stack([tf.random.stateless_uniform([5], [row, 3]) for row in range(4)])
    assert (uniform[:, 0] < 0.9).numpy().any()
    masked = augment.mask_batch(features, tf.constant(length), uniform).numpy()
    for row, frames in enumerate(length):
        np.testing.assert_array_equal(masked[row, :frames], augment(features[row, :frames], [row, 3]))
        np.testing.assert_array_equal(masked[row, frames:], features[row, frames:])
    assert (masked == -7).any()


def test_half_precision_is_kept():
    assert SpecAugment(probability=1.0)(tf.ones([10, 8], tf.float16), [1, 2]).dtype == tf.float16


@pytest.mark.parametrize("arguments", [{"max_frames": -1}, {"max_bins": -2}, {"probability": 1.5}])
def test_invalid_arguments(arguments):
    with pytest.raises(ValueError):
        SpecAugment(**arguments)
