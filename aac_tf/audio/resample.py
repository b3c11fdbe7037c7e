"""Resampling with core TensorFlow operations, also at rates that are known only at run time."""

from __future__ import annotations

import functools
import math

import numpy as np
import tensorflow as tf

# Kaiser-windowed sinc. The stop band starts at the lower Nyquist frequency of the two rates, as soxr's does, so that
# nothing aliases; with 80 zero crossings on either side the pass band ends at 0.913 of it, again as soxr's does.
_ZERO_CROSSINGS = 80
_CUTOFF = 0.9565
_ATTENUATION_DB = 110.0
# 11025 to 48000 Hz, the largest ratio of two common rates, is 640/147.
_MAX_UP = 640
# Half of a kernel for whole blocks is zeros. Narrow groups of outputs skip most of them, but more groups read the
# samples more often; these sizes were the fastest.
_GROUP_WIDTH, _CHANNELS = 80, 32


def resampled_length(samples, rate_in, rate_out):
    """Number of samples after `resample`: `ceil(samples * rate_out / rate_in)`, as in librosa and torchaudio.

    soxr rounds to the nearest integer instead, which is sometimes one sample less, and 0 for a very short sound.

    Args:
        samples: int or integer tensor of any shape, number of samples at `rate_in`.
        rate_in: int or integer scalar tensor, sample rate of the sound in Hz.
        rate_out: int or integer scalar tensor, sample rate of the result in Hz.

    Returns:
        int if all three are ints, otherwise an integer tensor with the shape and dtype of `samples`.

    Example:
        >>> from aac_tf.audio import resampled_length
        >>> resampled_length(15 * 44100, 44100, 16000)
        240000
    """
    if not any(tf.is_tensor(value) for value in (samples, rate_in, rate_out)):
        return -(-samples * rate_out // rate_in)
    samples = tf.convert_to_tensor(samples)
    wide, rate_in, rate_out = (tf.cast(value, tf.int64) for value in (samples, rate_in, rate_out))
    return tf.cast(-(-wide * rate_out // rate_in), samples.dtype)


def resample(waveform, rate_in, rate_out):
    """Resamples a waveform without delay, with a polyphase Kaiser-windowed sinc filter applied as one convolution.

    The ratio of the rates is reduced to up/down with up <= 640, which is exact for all common rates. For other rates it
    is the nearest such ratio, off by at most 0.08 % (1.4 cents) and usually by far less. The waveform counts as zero
    outside its samples, so that zero padding on the right changes no valid sample.

    Args:
        waveform: float `[samples]` or `[batch, samples]`.
        rate_in: int or integer scalar tensor, sample rate of the waveform in Hz.
        rate_out: int or integer scalar tensor, sample rate of the result in Hz.

    Returns:
        float32 `[resampled_length(samples)]` or `[batch, resampled_length(samples)]`; the waveform itself if the rates
        are equal.

    Raises:
        ValueError: if a rate is not positive, or `rate_out` is more than 640 times `rate_in`.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.audio import resample
        >>> resample(tf.zeros([44100]), 44100, 16000).shape
        TensorShape([16000])

    Reference:
        J. O. Smith, Digital Audio Resampling Home Page, https://ccrma.stanford.edu/~jos/resample/
    """
    waveform = tf.cast(waveform, tf.float32)
    static_in, static_out = tf.get_static_value(rate_in), tf.get_static_value(rate_out)
    if static_in is not None and static_out is not None:
        if static_in <= 0 or static_out <= 0 or static_out > _MAX_UP * static_in:
            raise ValueError(
                f"cannot resample from {static_in} Hz to {static_out} Hz: both rates must be positive and the second "
                f"at most {_MAX_UP} times the first"
            )
        if static_in == static_out:
            return waveform
        return _convert_known(waveform, int(static_in), int(static_out))
    rate_in, rate_out = tf.cast(rate_in, tf.int32), tf.cast(rate_out, tf.int32)
    return tf.cond(tf.equal(rate_in, rate_out), lambda: waveform, lambda: _convert(waveform, rate_in, rate_out))


def _convert(waveform, rate_in, rate_out):
    up, down = _ratio(rate_in, rate_out)
    kernel, margin = _polyphase_kernel(up, down)
    block_in, block_out = tf.shape(kernel)[1], tf.shape(kernel)[2]
    shape = tf.shape(waveform)
    samples = shape[-1]
    length = resampled_length(samples, rate_in, rate_out)
    # The stride of a convolution must be static, but the rates may not be. So the samples are laid out as blocks of
    # `block_in` channels, and a convolution of stride 1 maps each two neighbouring blocks to `block_out` samples.
    blocks = tf.maximum(-(-length // block_out), 1) + 1
    right = blocks * block_in - margin - samples
    batch = tf.reduce_prod(shape[:-1])
    flat = tf.reshape(waveform, [batch, samples])
    # Samples after the last block, which exist only if up/down is not the exact ratio, affect no output.
    flat = tf.pad(flat[:, : samples + tf.minimum(right, 0)], [[0, 0], [margin, tf.maximum(right, 0)]])
    flat = tf.nn.conv1d(tf.reshape(flat, [batch, blocks, block_in]), kernel, stride=1, padding="VALID")
    flat = tf.reshape(flat, [batch, (blocks - 1) * block_out])[:, :length]
    resampled = tf.reshape(flat, tf.concat([shape[:-1], [length]], axis=0))
    return resampled if waveform.shape.rank is None else tf.ensure_shape(resampled, [*waveform.shape[:-1], None])


def _convert_known(waveform, rate_in, rate_out):
    """`_convert` for rates that are known when the graph is built, with the kernel as a constant."""
    groups, channels, block_in, block_out, margin = _known_kernel(rate_in, rate_out)
    shape = tf.shape(waveform)
    samples = shape[-1]
    length = resampled_length(samples, rate_in, rate_out)
    blocks = tf.maximum(-(-length // block_out), 1)
    rows = block_in // channels  # per block
    most = max(first + len(kernel) for first, kernel in groups)
    right = ((blocks - 1) * rows + most) * channels - margin - samples
    batch = tf.reduce_prod(shape[:-1])
    flat = tf.reshape(waveform, [batch, samples])
    flat = tf.pad(flat[:, : samples + tf.minimum(right, 0)], [[0, 0], [margin, tf.maximum(right, 0)]])
    flat = tf.reshape(flat, [batch, -1, channels])
    parts = []
    for first, kernel in groups:
        part = tf.nn.conv1d(flat[:, first:] if first else flat, kernel, rows, "VALID")
        parts.append(part if most - first - len(kernel) < rows else part[:, :blocks])
    flat = tf.reshape(tf.concat(parts, axis=-1), [batch, blocks * block_out])[:, :length]
    resampled = tf.reshape(flat, tf.concat([shape[:-1], [length]], axis=0))
    return resampled if waveform.shape.rank is None else tf.ensure_shape(resampled, [*waveform.shape[:-1], None])


@functools.lru_cache(maxsize=64)
def _known_kernel(rate_in, rate_out):
    """The kernel of `_polyphase_kernel` in groups of outputs, without most of its zeros.

    Returns:
        `(groups, channels, block_in, block_out, margin)`: list of (first row of `channels` samples, float32 array
        `[rows, channels, outputs]`); ints.
    """
    with tf.init_scope():
        kernel, margin = (np.asarray(item) for item in _polyphase_kernel(*_ratio(rate_in, rate_out)))
    _, block_in, block_out = kernel.shape
    divisors = [size for size in range(1, block_in + 1) if block_in % size == 0 and size >= min(16, block_in)]
    channels = min(divisors, key=lambda size: abs(math.log(size / _CHANNELS)))
    kernel, groups = kernel.reshape([-1, channels, block_out]), []
    for outputs in np.array_split(np.arange(block_out), -(-block_out // _GROUP_WIDTH)):
        used = np.flatnonzero(kernel[:, :, outputs].any(axis=(1, 2)))
        groups.append((int(used[0]), kernel[used[0] : used[-1] + 1, :, outputs]))
    return groups, channels, block_in, block_out, int(margin)


def resampling_ratio(rate_in, rate_out):
    """The ratio that `resample` uses: `up` samples of its result last as long as `down` samples of the sound.

    Args:
        rate_in: int, sample rate of the sound in Hz.
        rate_out: int, sample rate of the result in Hz.

    Returns:
        `(up, down)`, ints.
    """
    up, down = _ratio(rate_in, rate_out)
    return int(up), int(down)


def _ratio(rate_in, rate_out):
    """The ratio of two rates as int32 scalars (up, down) with up <= 640: exact if possible, otherwise the nearest."""
    up = tf.range(1, _MAX_UP + 1)
    exact = tf.cast(up, tf.float64) * tf.cast(rate_in, tf.float64) / tf.cast(rate_out, tf.float64)
    down = tf.maximum(tf.round(exact), 1.0)
    best = tf.argmin(tf.abs(down / exact - 1.0))  # the first minimum, hence the reduced fraction
    return up[best], tf.cast(down[best], tf.int32)


def _polyphase_kernel(up, down):
    """The filter as a convolution from blocks of input samples to blocks of output samples.

    Returns:
        `(kernel, margin)`: float32 `[2, block_in, block_out]`; int32 scalar, leading samples of the first block.
    """
    # In steps of 1 / up input samples all distances are integers, and most of them occur many times.
    steps = _ZERO_CROSSINGS * tf.maximum(up, down)
    margin = steps // up
    # Two blocks must cover the inputs of one output block.
    repeat = -(-(margin + (steps - down) // up + 1) // down)
    block_in, block_out = repeat * down, repeat * up
    tap = tf.range(2 * block_in)[:, tf.newaxis] - margin
    distance = tf.abs(tf.range(block_out) * down - tap * up)
    kernel = tf.gather(_half_filter(steps, up, down), tf.minimum(distance, steps + 1))
    return tf.reshape(kernel, [2, block_in, block_out]), margin


def _half_filter(steps, up, down):
    """Filter values at distances of 0, 1, ... `steps` times 1 / up input samples, then a zero for all longer ones."""
    # float32 is enough: rounding is 127 dB below the signal.
    distance = tf.cast(tf.range(steps + 1), tf.float32)
    beta = 0.1102 * (_ATTENUATION_DB - 8.7)  # Kaiser's formula
    slope = tf.sqrt(tf.maximum(0.0, 1.0 - tf.square(distance / tf.cast(steps, tf.float32))))
    # I0(beta * slope) / I0(beta) with the scaled Bessel function, which XLA supports.
    window = tf.math.bessel_i0e(beta * slope) * tf.exp(beta * (slope - 1.0)) / tf.math.bessel_i0e(beta)
    cutoff = _CUTOFF / tf.cast(tf.maximum(up, down), tf.float32)  # twice the cycles per step
    angle = math.pi * cutoff * distance
    sinc = tf.where(distance > 0, tf.math.divide_no_nan(tf.sin(angle), angle), 1.0)
    return tf.pad(cutoff * tf.cast(up, tf.float32) * sinc * window, [[0, 1]])
