"""The section `audio`: the spectrogram."""

from dataclasses import dataclass
from typing import Optional

from aac_tf.config.keys import key

SPECS = ("DCASE2020", "YAMNET", "AST")


def _field(about, **limits):
    return key(None, f"{about}; null: as in the named spectrogram", **limits)


@dataclass
class AudioConfig:
    """The front end: a named spectrogram, any of whose fields can be replaced."""

    spec: str = key("DCASE2020", "named spectrogram", choices=SPECS)
    sample_rate: Optional[int] = _field("sample rate, Hz", at_least=1000)
    window_length: Optional[int] = _field("window length, samples", at_least=2)
    hop_length: Optional[int] = _field("hop length, samples", at_least=1)
    fft_length: Optional[int] = _field("FFT length, samples", at_least=2)
    window: Optional[str] = _field("window function", choices=(None, "hamming", "hann"))
    num_bins: Optional[int] = _field("number of mel bins", at_least=1)
    mel_scale: Optional[str] = _field("mel scale", choices=(None, "slaney", "htk"))
    mel_norm: Optional[str] = _field(
        "area: scale each mel filter to unit area; none: do not scale", choices=(None, "area", "none")
    )
    fmin: Optional[float] = _field("lower edge of the mel filters, Hz", at_least=0)
    fmax: Optional[float] = _field("upper edge of the mel filters, Hz", at_least=1)
    periodic_window: Optional[bool] = _field("periodic instead of symmetric window")
    centered: Optional[bool] = _field("centre frames on multiples of the hop instead of starting them there")
    peak_normalize: Optional[bool] = _field("divide each clip by its peak magnitude")
    remove_dc: Optional[bool] = _field("subtract the mean of each frame")
    preemphasis: Optional[float] = _field("pre-emphasis coefficient", at_least=0, below=1)
    power: Optional[float] = _field("1: magnitude spectrogram; 2: power spectrogram", choices=(None, 1.0, 2.0))
    log_offset: Optional[float] = _field("value added before the logarithm", at_least=0)
    log_floor: Optional[float] = _field("minimum of the values whose logarithm is taken", at_least=0)
    segment_length: Optional[int] = _field("frames per segment; clips are padded to whole segments", at_least=1)
    segment_hop: Optional[int] = _field("frames between the starts of consecutive segments", at_least=1)
    normalize: bool = key(False, "standardize each bin with its mean and variance over the training clips")
