"""Named spectrograms. A new one is an entry in `SPECS`."""

import numpy as np

from aac_tf.audio.spectrogram import SpectrogramSpec

# The features of the sub-sampling captioner (K. Nguyen, K. Drossos, T. Virtanen, Temporal sub-sampling of audio feature
# sequences for automated audio captioning, DCASE 2020). The floor matters for digital silence only: over 21 Clotho
# recordings no mel value is below 2.6e-6, and 16-bit quantization noise, 3.6e-6 at the median in a full-scale clip,
# stays above 3e-7. Parity with librosa does not depend on the floor (measured from 1e-3 to 1e-10).
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

# The front end of YAMNet with its padding: the first segment of 96 frames covers 0.975 s, each further one adds 0.48 s
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

# The filter bank of AST before normalization: Kaldi's, for samples in [-1, 1]. Its segments are YAMNet's, so that the
# times of the two agree (Y. Gong, Y.-A. Chung, J. Glass, AST: Audio Spectrogram Transformer, Interspeech 2021;
# http://kaldi-asr.org/doc/feat.html).
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

SPECS = {spec.name: spec for spec in (DCASE2020, YAMNET, AST)}
