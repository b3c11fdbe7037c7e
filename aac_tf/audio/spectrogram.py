"""Waveform to log-mel spectrogram with core TensorFlow operations, for the input pipeline and for the SavedModel."""

from __future__ import annotations

import dataclasses
from typing import Optional

import numpy as np
import tensorflow as tf

from aac_tf.audio.mel import mel_filter_bank


@dataclasses.dataclass(frozen=True)
class SpectrogramSpec:
    """Parameters of a log-mel spectrogram.

    Args:
        name: name in messages and in `SPECS`.
        sample_rate: sample rate in Hz.
        window_length: samples per frame.
        hop_length: samples from one frame to the next.
        fft_length: points of the Fourier transform; frames are zero-padded to it.
        window: `hamming` or `hann`.
        num_bins: number of mel filters.
        mel_scale: `slaney` or `htk` (see `mel_filter_bank`).
        mel_norm: `area` or None (see `mel_filter_bank`).
        fmin: lower edge of the first filter in Hz.
        fmax: upper edge of the last filter in Hz.
        periodic_window: whether the window is periodic (as for spectral analysis) or symmetric (as in Kaldi).
        centered: whether frame t is centred on sample `t * hop_length` of the zero-padded sound, or starts there.
        peak_normalize: whether to divide a clip by its largest magnitude first.
        remove_dc: whether to subtract its mean from each frame.
        preemphasis: coefficient of the pre-emphasis within each frame, as in Kaldi: the first sample of a frame counts
            as its own predecessor.
        power: 1 for magnitudes, 2 for power.
        log_offset: value added to each mel value before the logarithm.
        log_floor: minimum of what enters the natural logarithm.
        segment_length: frames per segment, for encoders of segments; needs `centered=False`. A clip is zero-padded
            until its frames fill whole segments. None pads nothing, and drops the samples after the last whole frame.
        segment_hop: frames from one segment to the next.

    Raises:
        ValueError: if lengths do not fit together, or for an unknown window, power or mel scale.

    Example:
        >>> import dataclasses
        >>> from aac_tf.audio import DCASE2020
        >>> spec = dataclasses.replace(DCASE2020, name="coarse", num_bins=32)
        >>> spec.output_length(15 * spec.sample_rate)
        1292
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
                f"{self.name}: log_offset or log_floor must be positive, otherwise silence becomes minus infinity"
            )
        self._check_segments()
        self.mel_matrix()

    def _check_segments(self):
        if self.segment_length is None and self.segment_hop is None:
            return
        if self.centered:
            raise ValueError(f"{self.name}: segments need frames that are not centred (centered=False)")
        if self.segment_length is None or not 0 < (self.segment_hop or 0) <= self.segment_length:
            raise ValueError(
                f"{self.name}: segment_hop must be from 1 to segment_length={self.segment_length}, got "
                f"{self.segment_hop}"
            )

    def output_length(self, samples):
        """Number of frames of a sound, at least one.

        Args:
            samples: int, integer array or integer tensor, number of samples.

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
    def first_centre(self):
        """The sample on which the first frame is centred, a float."""
        return 0.0 if self.centered else self.window_length / 2

    @property
    def frame_times(self):
        """`(first, hop)` in seconds: frame i is centred `first + i * hop` seconds after the start of the sound."""
        return self.first_centre / self.sample_rate, self.hop_length / self.sample_rate

    @property
    def silence(self):
        """The value of digital silence in every bin, a float."""
        return float(np.log(max(self.log_offset, self.log_floor)))

    def mel_matrix(self):
        """The mel filter bank, a float32 array `[fft_length // 2 + 1, num_bins]`."""
        return mel_filter_bank(
            self.sample_rate, self.fft_length, self.num_bins, self.fmin, self.fmax, self.mel_scale, self.mel_norm
        )

    def window_samples(self):
        """The window, a float64 array `[window_length]`."""
        points = self.window_length if self.periodic_window else self.window_length - 1
        cosine = np.cos(2 * np.pi * np.arange(self.window_length) / max(points, 1))
        return 0.54 - 0.46 * cosine if self.window == "hamming" else 0.5 - 0.5 * cosine


def spectrogram(waveform, spec, length=None, dtype=tf.float64, mel_matrix=None):
    """Log-mel spectrogram of a clip, or of a batch padded on the right.

    The padding has no effect: a clip has the same frames alone and in a batch. Even an empty clip has one frame.

    Args:
        waveform: float `[samples]` or `[batch, samples]` at `spec.sample_rate`.
        spec: `SpectrogramSpec`, such as `DCASE2020`.
        length: int `[batch]` (a scalar for one clip), valid samples of each clip; None if all are valid. Frames after
            `spec.output_length(length)` are 0.
        dtype: dtype of the Fourier transform; `tf.float32` for runtimes without float64, such as LiteRT.
        mel_matrix: float32 tensor to use instead of the constant `spec.mel_matrix()`.

    Returns:
        float32 `[frames, bins]` or `[batch, frames, bins]` with `frames = spec.output_length(samples)`.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.audio import DCASE2020, spectrogram
        >>> spectrogram(tf.zeros([2, 44100]), DCASE2020, length=[44100, 22050]).shape
        TensorShape([2, 87, 64])
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
    """Largest magnitude of float32 `[..., samples]`, `[...]`; 0 for an empty clip."""
    # reduce_max of an empty tensor is minus infinity.
    return tf.maximum(tf.reduce_max(tf.abs(waveform), axis=-1), 0.0)


def mel_spectrogram(waveform, spec, dtype=tf.float64, mel_matrix=None):
    """Mel values before peak normalization and logarithm: the part of `spectrogram` that treats each frame alone.

    Args:
        waveform: float32 `[..., samples]`.
        spec: as for `spectrogram`.
        dtype: as for `spectrogram`.
        mel_matrix: as for `spectrogram`.

    Returns:
        float32 `[..., frames, bins]`.
    """
    mel_matrix = spec.mel_matrix() if mel_matrix is None else mel_matrix
    return tf.linalg.matmul(_spectrum(_frames(waveform, spec), spec, dtype), mel_matrix)


def log_mel(mel, spec, peaks):
    """Peak normalization and logarithm: the part of `spectrogram` after `mel_spectrogram`.

    Args:
        mel: float32 `[..., frames, bins]`, from `mel_spectrogram`.
        spec: as for `spectrogram`.
        peaks: float32 `[...]`, the `peak` of each whole sound.

    Returns:
        float32 `[..., frames, bins]`.
    """
    if spec.peak_normalize:
        # Mel values are proportional to the first or second power of the waveform.
        mel = tf.math.divide_no_nan(mel, peaks[..., tf.newaxis, tf.newaxis] ** spec.power)
    return tf.math.log(tf.maximum(mel + spec.log_offset, spec.log_floor))


def _not_negative(number):
    if tf.is_tensor(number):
        return tf.maximum(number, 0)
    return np.maximum(number, 0) if isinstance(number, np.ndarray) else max(number, 0)


def _frames(waveform, spec):
    """Frames `[..., frames, window_length]` of the waveform, zero-padded as the spec needs."""
    samples = tf.shape(waveform)[-1]
    left = spec.window_length // 2 if spec.centered else 0
    right = (spec.output_length(samples) - 1) * spec.hop_length + spec.window_length - left - samples
    # Without centring, samples after the last whole frame are dropped.
    waveform = waveform[..., : samples + tf.minimum(right, 0)]
    # Not slices of zeros: LiteRT's XNNPACK takes a slice that is always empty, `[..., :0]`, for the whole tensor.
    padding = [[0, 0]] * (waveform.shape.rank - 1) + [[left, tf.maximum(right, 0)]]
    waveform = tf.pad(waveform, padding)
    return tf.signal.frame(waveform, spec.window_length, spec.hop_length)


def _spectrum(frames, spec, dtype):
    """Magnitude or power, float32 `[..., frames, fft_length // 2 + 1]`."""
    # A float32 transform spreads its rounding noise over all bins, and the quiet ones suffer: log-mels are off by up to
    # 1.4e-4 on real recordings, against 5e-7 in float64. A product with the Fourier matrix is off by 7e-5 and slower.
    frames = tf.cast(frames, dtype)
    if spec.remove_dc:
        frames -= tf.reduce_mean(frames, axis=-1, keepdims=True)
    if spec.preemphasis:
        frames -= spec.preemphasis * tf.concat([frames[..., :1], frames[..., :-1]], axis=-1)
    spectrum = tf.signal.rfft(frames * tf.constant(spec.window_samples(), dtype), [spec.fft_length])
    # Magnitudes in float32: in float64 they take twice as long as the transform.
    spectrum = tf.cast(spectrum, tf.complex64)
    power = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
    return power if spec.power == 2.0 else tf.sqrt(power)
