"""Spectrograms of long sounds in bounded memory."""

from __future__ import annotations

import dataclasses
import functools
import itertools

import numpy as np
import tensorflow as tf

from aac_tf.audio.parts import PART_SECONDS
from aac_tf.audio.spectrogram import log_mel, mel_spectrogram, peak, spectrogram

PART_FRAMES = 8192  # 95 s of DCASE2020


def long_spectrogram(waveform, spec, length, part_frames=PART_FRAMES):
    """`spectrogram` of a padded batch, computed in parts if it is long.

    Args:
        waveform: float32 `[batch, samples]` at `spec.sample_rate`.
        spec: `SpectrogramSpec`, such as `DCASE2020`.
        length: int32 `[batch]`, valid samples of each clip.
        part_frames: int, maximum number of frames of a part, of all clips together.

    Returns:
        float32 `[batch, frames, bins]`; frames after the end of a clip are 0.
    """
    batch, samples = tf.shape(waveform)[0], tf.shape(waveform)[1]
    frames = spec.output_length(samples)

    def in_parts():
        sound = tf.where(tf.sequence_mask(length, samples), waveform, 0.0)
        peaks, plain = peak(sound), _plain(spec)
        size = tf.maximum(part_frames // tf.maximum(batch, 1), 1)
        parts = -(-frames // size)
        left = spec.window_length // 2 if spec.centered else 0
        whole = (parts * size - 1) * spec.hop_length + spec.window_length
        sound = tf.pad(sound, [[0, 0], [left, tf.maximum(whole - left - samples, 0)]])
        step, width = size * spec.hop_length, (size - 1) * spec.hop_length + spec.window_length
        rows = tf.map_fn(
            lambda part: mel_spectrogram(sound[:, part * step : part * step + width], plain),
            tf.range(parts),
            fn_output_signature=tf.TensorSpec([None, None, spec.num_bins], tf.float32),
            parallel_iterations=1,
        )
        rows = tf.reshape(tf.transpose(rows, [1, 0, 2, 3]), [batch, parts * size, spec.num_bins])[:, :frames]
        valid = tf.sequence_mask(spec.output_length(length), frames)
        return tf.where(valid[..., tf.newaxis], log_mel(rows, spec, peaks), 0.0)

    return tf.cond(batch * frames > part_frames, in_parts, lambda: spectrogram(waveform, spec, length))


def spectrogram_of_parts(parts, spec):
    """`spectrogram` of one sound in parts, such as those of `SoundFile.parts`; parts are not kept.

    Args:
        parts: iterable of float32 `[samples]` at `spec.sample_rate`, at least one.
        spec: `SpectrogramSpec`, such as `DCASE2020`.

    Returns:
        float32 `[frames, bins]`.
    """
    whole, mel, finish = _compiled(spec)
    parts = iter(parts)
    beginning = list(itertools.islice(parts, 2))
    if len(beginning) == 1:
        return whole(beginning[0])
    hop, window = spec.hop_length, spec.window_length
    held, samples, loudest, rows = tf.zeros([window // 2 if spec.centered else 0]), 0, 0.0, []
    for part in itertools.chain(beginning, parts):
        held, samples, loudest = tf.concat([held, part], axis=0), samples + len(part), max(loudest, float(peak(part)))
        ready = (len(held) - window) // hop + 1
        if ready > 0:
            rows.append(mel(held[: ready * hop + window - hop]))
            held = held[ready * hop :]
    missing = spec.output_length(samples) - sum(len(row) for row in rows)
    if missing:
        rows.append(mel(tf.pad(held, [[0, (missing - 1) * hop + window - len(held)]])))
    for index, row in enumerate(rows):
        rows[index] = finish(row, loudest)
    return tf.concat(rows, axis=0)


def spectrogram_of_waveform(waveform, spec):
    """`spectrogram` of one waveform of any length, part by part.

    Args:
        waveform: float32 array `[samples]` at `spec.sample_rate`.
        spec: `SpectrogramSpec`, such as `DCASE2020`.

    Returns:
        float32 `[frames, bins]`.
    """
    size = PART_SECONDS * spec.sample_rate
    return spectrogram_of_parts((waveform[start : start + size] for start in range(0, len(waveform), size)), spec)


class StreamedSpectrogram:
    """`spectrogram` of one sound as it comes.

    Args:
        spec: `SpectrogramSpec` that does not depend on the whole sound: without `peak_normalize` and `centered`.

    Attributes:
        count: int, number of frames so far.

    Example:
        >>> import numpy as np
        >>> from aac_tf.audio import YAMNET
        >>> from aac_tf.audio.long_spectrogram import StreamedSpectrogram
        >>> stream = StreamedSpectrogram(YAMNET)
        >>> [len(stream.frames(np.zeros(200, "f4"))) for _ in range(4)], len(stream.finish())
        ([0, 1, 1, 1], 93)
    """

    def __init__(self, spec):
        if spec.peak_normalize or spec.centered:
            raise ValueError(f"{spec.name} depends on the whole sound: it is centred or peak-normalized")
        self.spec, self.count, self._samples = spec, 0, 0
        self._held = np.zeros([0], np.float32)
        _, self._mel, self._finish = _compiled(spec)

    def frames(self, samples):
        """Takes float32 `[samples]`, any number; returns the frames that are now complete, float32 `[frames, bins]`."""
        self._samples += len(samples)
        return self._ready(samples)

    def finish(self):
        """The last frames, filled up with silence as `spectrogram` does."""
        missing = self.spec.output_length(self._samples) - self.count
        needed = (missing - 1) * self.spec.hop_length + self.spec.window_length - len(self._held)
        return self._ready(np.zeros([max(needed, 0)], np.float32))[:missing]

    def _ready(self, samples):
        hop, window = self.spec.hop_length, self.spec.window_length
        self._held = np.concatenate([self._held, np.asarray(samples, np.float32)])
        ready = max((len(self._held) - window) // hop + 1, 0)
        if not ready:
            return np.zeros([0, self.spec.num_bins], np.float32)
        frames = self._finish(self._mel(self._held[: (ready - 1) * hop + window]), 1.0).numpy()
        self._held, self.count = self._held[ready * hop :], self.count + ready
        return frames


def _plain(spec):
    """The spec for the parts of a sound whose zero padding is already there: frames start at its first sample."""
    return dataclasses.replace(spec, centered=False, peak_normalize=False, segment_length=None, segment_hop=None)


@functools.lru_cache(maxsize=16)
def _compiled(spec):
    sound, plain = tf.TensorSpec([None], tf.float32), _plain(spec)
    rows = tf.TensorSpec([None, spec.num_bins], tf.float32)
    return (
        tf.function(lambda waveform: spectrogram(waveform, spec), [sound], autograph=False),
        tf.function(lambda waveform: mel_spectrogram(waveform, plain), [sound], autograph=False),
        tf.function(lambda mel, peak: log_mel(mel, spec, peak), [rows, tf.TensorSpec([], tf.float32)], autograph=False),
    )
