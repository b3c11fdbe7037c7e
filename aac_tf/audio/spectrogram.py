"""Waveform to log-mel spectrogram with core TensorFlow operations, for the input pipeline and for the SavedModel."""

from __future__ import annotations

import dataclasses
from typing import Optional

import numpy as np
import tensorflow as tf

from aac_tf.audio.mel import mel_filter_bank


@dataclasses.dataclass(frozen=True)
class SpectrogramSpec:
    """All that fixes a log-mel spectrogram.

    Args:
      name: What it is called in messages.
      sample_rate: Hz.
      window_length: Samples a frame holds.
      hop_length: Samples from one frame to the next.
      fft_length: Points of the Fourier transform; frames are padded to it with zeros.
      window: "hamming" or "hann".
      num_bins: Number of mel filters.
      mel_scale: "slaney" or "htk" (see `mel_filter_bank`).
      mel_norm: "area" or None (see `mel_filter_bank`).
      fmin: Lower edge of the first filter in Hz.
      fmax: Upper edge of the last filter in Hz.
      periodic_window: Whether the window is periodic (as for spectral analysis) or symmetric (as in Kaldi).
      centered: Whether frame t is centred on sample t * hop_length, with zeros around the sound, or starts there.
      peak_normalize: Whether a clip is divided by its largest magnitude first.
      remove_dc: Whether each frame's mean is taken from it.
      preemphasis: Share of the sample before that is taken from each sample of a frame (Kaldi's way: the first sample
        of a frame counts as its own predecessor).
      power: 1 for magnitudes, 2 for power.
      log_offset: Added to each mel value before the logarithm.
      log_floor: Least value that enters the natural logarithm.
      segment_length: Frames of the segments that the spectrogram will be cut into, for frames that are not centred: a
        clip is padded with zeros until its frames fill whole segments. None pads nothing, and cuts the samples after
        the last whole frame.
      segment_hop: Frames from one segment to the next.

    Raises:
      ValueError: Lengths that do not fit together, or an unknown window, power or mel scale.
    """

    name: str
    sample_rate: int
    window_length: int
    hop_length: int
    fft_length: int
    window: str
    num_bins: int
    mel_scale: str
    mel_norm: Optional[str]
    fmin: float
    fmax: float
    periodic_window: bool = True
    centered: bool = True
    peak_normalize: bool = False
    remove_dc: bool = False
    preemphasis: float = 0.0
    power: float = 1.0
    log_offset: float = 0.0
    log_floor: float = 0.0
    segment_length: Optional[int] = None
    segment_hop: Optional[int] = None

    def __post_init__(self):
        if not 0 < self.window_length <= self.fft_length:
            raise ValueError(
                f"{self.name}: window_length must be from 1 to fft_length={self.fft_length}, got {self.window_length}"
            )
        if not 0 < self.hop_length <= self.window_length:
            raise ValueError(
                f"{self.name}: hop_length must be from 1 to window_length={self.window_length}, got {self.hop_length}"
            )
        if self.window not in ("hamming", "hann"):
            raise ValueError(f"{self.name}: window must be 'hamming' or 'hann', not {self.window!r}")
        if self.power not in (1.0, 2.0):
            raise ValueError(f"{self.name}: power must be 1 (magnitude) or 2 (power), not {self.power}")
        if self.log_offset <= 0 and self.log_floor <= 0:
            raise ValueError(
                f"{self.name}: log_offset or log_floor must be positive, or silence would be minus infinity"
            )
        self._check_segments()
        self.mel_matrix()

    def _check_segments(self):
        if self.segment_length is None and self.segment_hop is None:
            return
        if self.centered:
            raise ValueError(f"{self.name}: only frames that are not centred can be padded to whole segments")
        if self.segment_length is None or not 0 < (self.segment_hop or 0) <= self.segment_length:
            raise ValueError(
                f"{self.name}: segment_hop must be from 1 to segment_length={self.segment_length}, got "
                f"{self.segment_hop}"
            )

    def output_length(self, samples):
        """Number of frames that so many samples give, never less than one.

        Args:
          samples: An int, an integer array or an integer tensor.

        Returns:
          The same type and shape.
        """
        if self.centered:
            return 1 + samples // self.hop_length
        if self.segment_length is None:
            return 1 + _not_negative(samples - self.window_length) // self.hop_length
        first = (self.segment_length - 1) * self.hop_length + self.window_length
        hop = self.segment_hop * self.hop_length
        return self.segment_length + self.segment_hop * ((_not_negative(samples - first) + hop - 1) // hop)

    @property
    def silence(self):
        """What digital silence becomes in every bin, a float."""
        return float(np.log(max(self.log_offset, self.log_floor)))

    def mel_matrix(self):
        """The filter bank, a float32 array [fft_length // 2 + 1, num_bins]."""
        return mel_filter_bank(
            self.sample_rate, self.fft_length, self.num_bins, self.fmin, self.fmax, self.mel_scale, self.mel_norm
        )

    def window_samples(self):
        """The window, a float64 array [window_length]."""
        points = self.window_length if self.periodic_window else self.window_length - 1
        cosine = np.cos(2 * np.pi * np.arange(self.window_length) / max(points, 1))
        return 0.54 - 0.46 * cosine if self.window == "hamming" else 0.5 - 0.5 * cosine


# The features of the sub-sampling captioner (K. Nguyen, K. Drossos, T. Virtanen, Temporal sub-sampling of audio feature
# sequences for automated audio captioning, DCASE 2020). The floor only decides what digital silence becomes: over 21
# Clotho recordings no mel value is below 2.6e-6, and the rounding noise of 16 bits, 3.6e-6 at the median in a clip at
# full scale, stays above 3e-7. Parity with librosa does not depend on it (measured from 1e-3 to 1e-10).
DCASE2020 = SpectrogramSpec(
    name="DCASE2020",
    sample_rate=44100,
    window_length=1024,
    hop_length=512,
    fft_length=1024,
    window="hamming",
    num_bins=64,
    mel_scale="slaney",
    mel_norm="area",
    fmin=0.0,
    fmax=22050.0,
    peak_normalize=True,
    log_floor=1e-8,
)

# The front end of YAMNet, padding included: the first segment of 96 frames covers 0.975 s, each further one 0.48 s more
# (M. Plakal, D. Ellis, YAMNet, https://github.com/tensorflow/models/tree/master/research/audioset/yamnet, features.py).
YAMNET = SpectrogramSpec(
    name="YAMNET",
    sample_rate=16000,
    window_length=400,
    hop_length=160,
    fft_length=512,
    window="hann",
    num_bins=64,
    mel_scale="htk",
    mel_norm=None,
    fmin=125.0,
    fmax=7500.0,
    centered=False,
    log_offset=0.001,
    segment_length=96,
    segment_hop=48,
)

# The filter bank of AST before its normalization, Kaldi's at a full scale of 1. Segments as for YAMNET, so that their
# times agree: 96 frames, every 0.48 s (Y. Gong, Y.-A. Chung, J. Glass, AST: Audio Spectrogram Transformer, Interspeech
# 2021; http://kaldi-asr.org/doc/feat.html).
AST = SpectrogramSpec(
    name="AST",
    sample_rate=16000,
    window_length=400,
    hop_length=160,
    fft_length=512,
    window="hann",
    num_bins=128,
    mel_scale="htk",
    mel_norm=None,
    fmin=20.0,
    fmax=8000.0,
    periodic_window=False,
    centered=False,
    remove_dc=True,
    preemphasis=0.97,
    power=2.0,
    log_floor=float(np.finfo(np.float32).eps),
    segment_length=96,
    segment_hop=48,
)


def spectrogram(waveform, spec, length=None, dtype=tf.float64, mel_matrix=None):
    """Log-mel spectrogram of one clip or of a batch padded on the right.

    The padding changes nothing: a clip's frames are those that it has alone. At least one frame comes out, even for a
    clip without any samples.

    Args:
      waveform: float [samples] or [batch, samples] at `spec.sample_rate`.
      spec: A `SpectrogramSpec`, such as `DCASE2020`.
      length: Valid samples of each clip, int [batch] (a scalar for one clip); all of them if None. Frames beyond
        `spec.output_length(length)` are 0.
      dtype: Of the Fourier transform; tf.float32 for runtimes that have no other, such as LiteRT.
      mel_matrix: float32 tensor that holds `spec.mel_matrix()`, for graphs that make it themselves; None makes it.

    Returns:
      float32 [frames, bins] or [batch, frames, bins], frames = `spec.output_length(samples)`.
    """
    waveform = tf.cast(waveform, tf.float32)
    samples = tf.shape(waveform)[-1]
    if length is not None:
        length = tf.minimum(tf.cast(length, tf.int32), samples)
        waveform = tf.where(tf.sequence_mask(length, samples), waveform, 0.0)
    frames = log_mel(mel_spectrogram(waveform, spec, dtype, mel_matrix), spec, peak(waveform))
    if length is not None:
        valid = tf.sequence_mask(spec.output_length(length), tf.shape(frames)[-2])
        frames = tf.where(valid[..., tf.newaxis], frames, 0.0)
    return frames


def peak(waveform):
    """Largest magnitude of float32 [..., samples], [...]; 0 of no samples."""
    # reduce_max of no samples is minus infinity.
    return tf.maximum(tf.reduce_max(tf.abs(waveform), axis=-1), 0.0)


def mel_spectrogram(waveform, spec, dtype=tf.float64, mel_matrix=None):
    """The part of `spectrogram` that looks at no more than one frame: mel values of waveforms as they are.

    Args:
      waveform: float32 [..., samples].
      spec: See `spectrogram`.
      dtype: See `spectrogram`.
      mel_matrix: See `spectrogram`.

    Returns:
      float32 [..., frames, bins].
    """
    mel_matrix = spec.mel_matrix() if mel_matrix is None else mel_matrix
    return tf.linalg.matmul(_spectrum(_frames(waveform, spec), spec, dtype), mel_matrix)


def log_mel(mel, spec, peaks):
    """The rest of `spectrogram`: normalization by the peaks of whole sounds, and the logarithm.

    Args:
      mel: float32 [..., frames, bins], of `mel_spectrogram`.
      spec: See `spectrogram`.
      peaks: float32 [...], of `peak`.

    Returns:
      float32 [..., frames, bins].
    """
    if spec.peak_normalize:
        # Frames are linear in the sound, and their values are of its first or second power.
        mel = tf.math.divide_no_nan(mel, peaks[..., tf.newaxis, tf.newaxis] ** spec.power)
    return tf.math.log(tf.maximum(mel + spec.log_offset, spec.log_floor))


def _not_negative(number):
    if tf.is_tensor(number):
        return tf.maximum(number, 0)
    return np.maximum(number, 0) if isinstance(number, np.ndarray) else max(number, 0)


def _frames(waveform, spec):
    """Frames [..., frames, window_length] with whatever zeros they need on either side."""
    samples = tf.shape(waveform)[-1]
    left = spec.window_length // 2 if spec.centered else 0
    right = (spec.output_length(samples) - 1) * spec.hop_length + spec.window_length - left - samples
    # Samples after the last whole frame are cut where frames are not centred.
    waveform = waveform[..., : samples + tf.minimum(right, 0)]
    zeros = tf.zeros(tf.concat([tf.shape(waveform)[:-1], [left + tf.maximum(right, 0)]], axis=0))
    waveform = tf.concat([zeros[..., :left], waveform, zeros[..., left:]], axis=-1)
    return tf.signal.frame(waveform, spec.window_length, spec.hop_length)


def _spectrum(frames, spec, dtype):
    """Magnitude or power, float32 [..., frames, fft_length // 2 + 1]."""
    # In float32 the transform's rounding noise, spread over all bins by the loudest one, reaches the quiet ones: log
    # mels are then off by up to 1.4e-4 on real recordings, against 5e-7 in float64, which is the faster of the two ways
    # to keep below 1e-4 with room to spare (the other, a product with the Fourier matrix, stays at 7e-5).
    frames = tf.cast(frames, dtype)
    if spec.remove_dc:
        frames -= tf.reduce_mean(frames, axis=-1, keepdims=True)
    if spec.preemphasis:
        frames -= spec.preemphasis * tf.concat([frames[..., :1], frames[..., :-1]], axis=-1)
    spectrum = tf.signal.rfft(frames * tf.constant(spec.window_samples(), dtype), [spec.fft_length])
    # Back to float32 before the magnitudes, which take twice the transform's time in float64.
    power = sum(tf.square(tf.cast(part(spectrum), tf.float32)) for part in (tf.math.real, tf.math.imag))
    return power if spec.power == 2.0 else tf.sqrt(power)
