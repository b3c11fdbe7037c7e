"""Checks of sound files in the graph, each with the reason to give where it fails."""

from __future__ import annotations

import tensorflow as tf

_SHORTEST_SECONDS = 0.05


def plausible_rate(rate):
    """A check for `require`: a rate outside these bounds is a damaged header and would make an enormous resampler."""
    reason = tf.strings.join(["damaged header: a sample rate of ", tf.strings.as_string(rate), " Hz"])
    return (rate >= 1000) & (rate <= 768000), reason


def require(*checks):
    """Stop with the reason of the first check that fails.

    Args:
      *checks: Pairs (condition bool scalar, reason string), in the order in which they make sense: a later one may be
        nonsense where an earlier one fails.

    Returns:
      List for `tf.control_dependencies`.

    Raises:
      tf.errors.InvalidArgumentError: Its message holds "audio: " and the reason.
    """
    reason = first_reason(*checks)
    assertion = tf.debugging.Assert(tf.equal(reason, ""), [tf.strings.join(["audio: ", reason])])
    return [] if assertion is None else [assertion]  # None when eager: it would have been raised by now


def first_reason(*checks):
    """The reason of the first check that fails, a string scalar, empty if none does; checks are those of `require`."""
    reason = tf.constant("")
    for condition, text in reversed(checks):
        reason = tf.where(condition, reason, text)
    return reason


def sound_checks(samples, rate, finite, audible):
    """Checks for `require` of what a sound must be to be captioned.

    Args:
      samples: Number of samples, an int or an integer scalar.
      rate: Sample rate in Hz, an int or an integer scalar.
      finite: Whether all samples are finite, a bool or a bool scalar.
      audible: Whether any is not zero, a bool or a bool scalar.

    Returns:
      Tuple of pairs (condition, reason).
    """
    return (
        (samples > 0, "the file holds no samples"),
        (
            tf.cast(samples, tf.float32) / tf.cast(rate, tf.float32) >= _SHORTEST_SECONDS,
            f"shorter than {_SHORTEST_SECONDS} s",
        ),
        (finite, "NaN or infinite samples"),
        (audible, "silent: every sample is zero"),
    )


def is_finite_and_audible(waveform):
    """Two bool scalars for `sound_checks`, of float32 [samples]."""
    return tf.reduce_all(tf.math.is_finite(waveform)), tf.reduce_any(tf.not_equal(waveform, 0.0))
