"""Change the sample rate of a waveform with core TensorFlow operations, at rates known only at run time."""

from __future__ import annotations

import math

import tensorflow as tf

# Kaiser-windowed sinc. The stop band starts at the lower of the two Nyquist frequencies, as soxr's does, so nothing
# folds back; 80 zero crossings a side bring the pass band up to 0.913 of it, which is soxr's figure as well.
_ZERO_CROSSINGS = 80
_CUTOFF = 0.9565
_ATTENUATION_DB = 110.0
# 11025 -> 48000 Hz, the largest ratio of two usual rates, is 640/147.
_MAX_UP = 640


def resampled_length(samples, rate_in, rate_out):
    """Number of samples that `resample` gives: ceil(samples * rate_out / rate_in), as in librosa and torchaudio.

    soxr alone rounds to the nearest instead, one sample less at times, and none at all for a very short sound.

    Args:
      samples: Number of samples at `rate_in`, an int or an integer tensor of any shape.
      rate_in: Sample rate of the sound in Hz, an int or a scalar integer tensor.
      rate_out: Sample rate wanted in Hz, an int or a scalar integer tensor.

    Returns:
      An int where all three are Python ints, else an integer tensor shaped and typed like `samples`.
    """
    if not any(tf.is_tensor(value) for value in (samples, rate_in, rate_out)):
        return -(-samples * rate_out // rate_in)
    samples = tf.convert_to_tensor(samples)
    wide, rate_in, rate_out = (tf.cast(value, tf.int64) for value in (samples, rate_in, rate_out))
    return tf.cast(-(-wide * rate_out // rate_in), samples.dtype)


def resample(waveform, rate_in, rate_out):
    """Resample a waveform without delay, by a polyphase filter (a Kaiser-windowed sinc) applied as one convolution.

    The rates are reduced to up/down with up <= 640, which every pair of usual rates fits exactly; other pairs get the
    nearest such ratio, which is off by 0.08 % (1.4 cents) at most, and far less as a rule. What lies outside the
    waveform counts as zeros, so zeros padded on the right change no valid sample.

    Args:
      waveform: float [samples] or [batch, samples].
      rate_in: Its sample rate in Hz, an int or a scalar integer tensor.
      rate_out: Sample rate wanted in Hz, an int or a scalar integer tensor.

    Returns:
      float32 [resampled_length(samples)] or [batch, resampled_length(samples)]; the waveform itself if the rates agree.

    Raises:
      ValueError: A rate is not positive, or `rate_out` is more than 640 times `rate_in`.

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
        return waveform if static_in == static_out else _convert(waveform, rate_in, rate_out)
    rate_in, rate_out = tf.cast(rate_in, tf.int32), tf.cast(rate_out, tf.int32)
    return tf.cond(tf.equal(rate_in, rate_out), lambda: waveform, lambda: _convert(waveform, rate_in, rate_out))


def _convert(waveform, rate_in, rate_out):
    up, down = _ratio(rate_in, rate_out)
    kernel, margin = _polyphase_kernel(up, down)
    block_in, block_out = tf.shape(kernel)[1], tf.shape(kernel)[2]
    shape = tf.shape(waveform)
    samples = shape[-1]
    length = resampled_length(samples, rate_in, rate_out)
    # The stride of a convolution must be known when the graph is made; these rates may not be. So the samples are laid
    # out as blocks of `block_in` channels and a convolution of stride 1 turns each two neighbours into `block_out`.
    blocks = tf.maximum(-(-length // block_out), 1) + 1
    right = blocks * block_in - margin - samples
    batch = tf.reduce_prod(shape[:-1])
    flat = tf.reshape(waveform, [batch, samples])
    # No output reaches samples past the last block (there are some only where up/down is not the exact ratio).
    flat = tf.pad(flat[:, : samples + tf.minimum(right, 0)], [[0, 0], [margin, tf.maximum(right, 0)]])
    flat = tf.nn.conv1d(tf.reshape(flat, [batch, blocks, block_in]), kernel, stride=1, padding="VALID")
    flat = tf.reshape(flat, [batch, (blocks - 1) * block_out])[:, :length]
    resampled = tf.reshape(flat, tf.concat([shape[:-1], [length]], axis=0))
    return resampled if waveform.shape.rank is None else tf.ensure_shape(resampled, [*waveform.shape[:-1], None])


def resampling_ratio(rate_in, rate_out):
    """The ratio by which `resample` resamples: each `up` of its samples take the time of `down` of the sound's.

    Args:
      rate_in: Sample rate of the sound in Hz, an int.
      rate_out: Sample rate wanted in Hz, an int.

    Returns:
      (up, down), ints.
    """
    up, down = _ratio(rate_in, rate_out)
    return int(up), int(down)


def _ratio(rate_in, rate_out):
    """The two rates' ratio as int32 scalars (up, down), up <= 640: exact if it can be, else the nearest."""
    up = tf.range(1, _MAX_UP + 1)
    exact = tf.cast(up, tf.float64) * tf.cast(rate_in, tf.float64) / tf.cast(rate_out, tf.float64)
    down = tf.maximum(tf.round(exact), 1.0)
    best = tf.argmin(tf.abs(down / exact - 1.0))  # the first of equals, hence the reduced fraction
    return up[best], tf.cast(down[best], tf.int32)


def _polyphase_kernel(up, down):
    """The filter as a convolution from blocks of input samples to blocks of output samples.

    Returns:
      (kernel float32 [2, block_in, block_out], margin: samples of the first block that lie before the sound, int32).
    """
    # In steps of 1 / up input samples all distances are whole numbers, and most occur many times.
    steps = _ZERO_CROSSINGS * tf.maximum(up, down)
    margin = steps // up
    # Blocks so long that two of them hold all that an output block needs.
    repeat = -(-(margin + (steps - down) // up + 1) // down)
    block_in, block_out = repeat * down, repeat * up
    tap = tf.range(2 * block_in)[:, tf.newaxis] - margin
    distance = tf.abs(tf.range(block_out) * down - tap * up)
    kernel = tf.gather(_half_filter(steps, up, down), tf.minimum(distance, steps + 1))
    return tf.reshape(kernel, [2, block_in, block_out]), margin


def _half_filter(steps, up, down):
    """The filter's values at distances of 0, 1, ... `steps` times 1 / up input samples, and a zero for all beyond."""
    # float32 is enough: its rounding is 127 dB below the signal.
    distance = tf.cast(tf.range(steps + 1), tf.float32)
    beta = 0.1102 * (_ATTENUATION_DB - 8.7)  # Kaiser's formula
    slope = tf.sqrt(tf.maximum(0.0, 1.0 - tf.square(distance / tf.cast(steps, tf.float32))))
    # I0(beta * slope) / I0(beta), by the scaled Bessel function, which XLA has as well.
    window = tf.math.bessel_i0e(beta * slope) * tf.exp(beta * (slope - 1.0)) / tf.math.bessel_i0e(beta)
    cutoff = _CUTOFF / tf.cast(tf.maximum(up, down), tf.float32)  # cycles a step, doubled
    angle = math.pi * cutoff * distance
    sinc = tf.where(distance > 0, tf.math.divide_no_nan(tf.sin(angle), angle), 1.0)
    return tf.pad(cutoff * tf.cast(up, tf.float32) * sinc * window, [[0, 1]])
