"""Resampling of long sounds in parts, with the same result as in one piece."""

from __future__ import annotations

import functools
import itertools
import threading

import numpy as np
import tensorflow as tf

from aac_tf.audio.resample import resample, resampled_length, resampling_ratio

PART_SECONDS = 30
_COMPILING = threading.Lock()


def resampled_parts(blocks, samples, rate_in, rate_out, seconds=PART_SECONDS):
    """Resamples a sound in parts of bounded size.

    Args:
        blocks: iterable of float32 numpy arrays `[samples]` of any length, the sound from start to end.
        samples: int, number of samples of all blocks.
        rate_in: int, Hz, of the blocks.
        rate_out: int, Hz, of the result.
        seconds: int, length of a part.

    Yields:
        float32 tensors `[samples]`: `seconds` or slightly more, except for the last part.

    Example:
        >>> import numpy as np
        >>> from aac_tf.audio.parts import resampled_parts
        >>> [len(part) for part in resampled_parts([np.zeros(80000, "f4")], 80000, 8000, 16000, seconds=4)]
        [64000, 64000, 32000]
    """
    with _COMPILING:  # threads read files in parallel
        convert, up, down = _converter(rate_in, rate_out)
    # A part starts where input and output samples coincide, and is read with more context than the filter spans.
    size, context = (-(-length * rate_in // down) * down for length in (seconds, 1))
    missing = resampled_length(samples, rate_in, rate_out)
    for start, first, window in _windows(blocks, size, context):
        is_last = start + size >= samples
        if start and is_last:
            window = np.pad(window, [[0, start + size + context - samples]])
        part = convert(tf.constant(window))
        skipped = (start - first) * up // down
        count = missing if is_last else min(size * up // down, missing)
        part = part[skipped : skipped + count] if skipped or count < len(part) else part
        # Without an exact ratio of the rates, the last part may be a few samples short.
        yield tf.pad(part, [[0, count - len(part)]]) if count > len(part) else part
        missing -= count


def resampled_stream(blocks, rate_in, rate_out, seconds=0.1):
    """Resamples a sound that is still going on, with the result of `resampled_parts` and little delay.

    Args:
        blocks: iterable of float32 numpy arrays `[samples]` of any length, the sound from start to end.
        rate_in: int, Hz, of the blocks.
        rate_out: int, Hz, of the result.
        seconds: float, length of a part; a part comes when its blocks and 0.05 s more are there.

    Yields:
        float32 tensors `[samples]`, as long as blocks come.

    Example:
        >>> import numpy as np
        >>> from aac_tf.audio.parts import resampled_stream
        >>> blocks = [np.ones(441, "f4")] * 100
        >>> sum(len(part) for part in resampled_stream(blocks, 44100, 16000))
        16000
    """
    with _COMPILING:
        convert, up, down = _converter(rate_in, rate_out)
    # The filter spans 80 zero crossings on either side.
    size, context = (max(-(-int(length * rate_in) // down), 1) * down for length in (seconds, 0.05))
    for start, first, window in _windows(blocks, size, context):
        fresh = len(window) - (start - first)
        part = convert(tf.constant(window))[(start - first) * up // down :]
        yield part[: size * up // down] if fresh > size else part


def _windows(blocks, size, context):
    """Cuts a sound into parts with context.

    Args:
        blocks: iterable of numpy arrays `[samples]`.
        size: int, samples of a part.
        context: int, samples before and after a part, as far as there are any.

    Yields:
        (first sample of the part, first sample of the window, window).
    """
    held, first, start = np.zeros([0], np.float32), 0, 0
    for block in itertools.chain(blocks, [None]):
        if block is not None:
            held = np.concatenate([held, block]) if len(held) else block
        # After the last block whatever is left, otherwise whole windows only.
        while first + len(held) > (start if block is None else start + size + context):
            yield start, first, held[: start + size + context - first]
            start += size
            held = held[max(start - context - first, 0) :]
            first = max(start - context, first)


@functools.lru_cache(maxsize=64)
def _converter(rate_in, rate_out):
    # Compiled for these rates the filter is a constant; computing it is most of the work for a short clip.
    compiled = tf.function(
        lambda waveform: resample(waveform, rate_in, rate_out), [tf.TensorSpec([None], tf.float32)], autograph=False
    )
    return compiled.get_concrete_function(), *resampling_ratio(rate_in, rate_out)
