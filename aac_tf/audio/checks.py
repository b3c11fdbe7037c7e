"""Graph-mode checks of sound files, each with the reason to report when it fails."""

from __future__ import annotations

import tensorflow as tf

_MIN_SECONDS = 0.05


def plausible_rate(rate, text):
    """A check for `first_reason`: other rates mean a damaged header, and would need a huge resampler.

    Args:
        rate: int or integer scalar, Hz.
        text: `OnHost.text` for an int, `InGraph.text` for a tensor.
    """
    return (rate >= 1000) & (rate <= 768000), text("damaged header: a sample rate of ", rate, " Hz")


def require(*checks):
    """Raises an error with the reason of the first check that fails.

    Args:
        *checks: pairs `(condition, reason)` of a bool scalar and a string. Order matters: a later check may be
            meaningless when an earlier one fails.

    Returns:
        List for `tf.control_dependencies`.

    Raises:
        tf.errors.InvalidArgumentError: with "audio: " and the reason in its message.
    """
    reason = first_reason(*checks)
    assertion = tf.debugging.Assert(tf.equal(reason, ""), [tf.strings.join(["audio: ", reason])])
    return [] if assertion is None else [assertion]  # None in eager mode, where a failed assertion has already raised


def first_reason(*checks):
    """The reason of the first check that fails, a string scalar, empty if all pass; checks are those of `require`."""
    reason = tf.constant("")
    for condition, text in reversed(checks):
        reason = tf.where(condition, reason, text)
    return reason


def sound_checks(samples, rate, finite, audible):
    """Checks for `require` that a sound must pass to be captioned.

    Args:
        samples: int or integer scalar, number of samples.
        rate: int or integer scalar, sample rate in Hz.
        finite: bool or bool scalar, whether all samples are finite.
        audible: bool or bool scalar, whether any sample is nonzero.

    Returns:
        Tuple of pairs `(condition, reason)`.
    """
    seconds = samples / rate
    return (
        (samples > 0, "the file contains no samples"),
        (seconds >= _MIN_SECONDS, f"shorter than {_MIN_SECONDS} s"),
        (finite, "NaN or infinite samples"),
        (audible, "silent: every sample is zero"),
    )


def is_finite_and_audible(waveform):
    """Two bool scalars for `sound_checks`, from float32 `[samples]`."""
    return tf.reduce_all(tf.math.is_finite(waveform)), tf.reduce_any(tf.not_equal(waveform, 0.0))
