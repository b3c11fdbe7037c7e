"""A self-test of YAMNet: wrong or damaged weights fail on sounds with known outputs."""

from __future__ import annotations

import numpy as np

from aac_tf.audio import YAMNET, spectrogram
from aac_tf.embeddings.errors import EmbeddingError

_SAMPLES = 15600  # one window
_CLASSES = {"silence": 494, "noise": 514, "tone": 495}  # Silence, White noise, Sine wave
_MAX_RANK = 10  # as in the published test
# Embeddings of the three sounds, averaged over 32 channels each, in hundredths.
_EMBEDDINGS = {
    "silence": (
        "172 181 136 189 165 116 165 140 165 138 165 128 124 176 169 173 "
        "183 189 162 140 196 118 137 178 200 182 154 145 152 166 141 187"
    ),
    "noise": ("5 10 8 0 11 4 8 5 7 1 5 1 6 5 2 2 10 7 1 0 1 3 4 3 1 5 2 4 9 0 0 3"),
    "tone": ("9 32 5 4 31 10 28 0 29 0 29 0 38 18 2 10 29 12 6 11 0 24 20 15 9 2 0 17 24 14 38 34"),
}
# Weights with rounding errors of 2 % keep cosines above 0.97. Shuffling, swapping or zeroing a layer, or a tenth of an
# early one, takes the cosine of at least one sound below 0.89.
_MIN_COSINE = 0.9
_MAX_GAIN = 1.5


def check_known_sounds(network, name):
    """Runs a network on silence, white noise and a tone.

    The expected classes are those of the published installation test (yamnet_test.py). The embeddings must be close to
    those of the published weights.

    Args:
        network: function from windows float32 `[windows, 96, 64]` to a dict of `embedding` and `scores`.
        name: name of the network in the message, such as its file.

    Raises:
        EmbeddingError: if an output is wrong.
    """
    sounds = known_sounds()
    windows = spectrogram(np.stack([*sounds.values()]), YAMNET)
    found = {key: np.asarray(value) for key, value in network(windows).items()}
    for sound, embedding, scores in zip(sounds, found["embedding"], found["scores"]):
        rank = 1 + int(np.sum(scores > scores[_CLASSES[sound]]))
        actual, expected = summary(embedding), np.array(_EMBEDDINGS[sound].split(), np.float64)
        gain = np.linalg.norm(actual) / np.linalg.norm(expected)
        cosine = np.sum(actual * expected) / max(np.linalg.norm(actual) * np.linalg.norm(expected), 1e-9)
        # NaN compares false, so that it fails too.
        if not (rank <= _MAX_RANK and cosine >= _MIN_COSINE and 1 / _MAX_GAIN <= gain <= _MAX_GAIN):
            raise EmbeddingError(
                f"{name} has the layers of YAMNet but not its weights, or they are damaged: for {sound} the correct "
                f"class has rank {rank} (expected at most {_MAX_RANK}), and the embedding has a cosine of {cosine:.2f} "
                f"with the expected one (expected at least {_MIN_COSINE}) and {gain:.2g} times its norm. Download the "
                "file again; self_test=False accepts weights that differ on purpose"
            )


def known_sounds():
    """{name: waveform float32 `[samples]`} at 16 kHz."""
    noise = np.random.RandomState(51773).uniform(-1.0, 1.0, _SAMPLES)
    tone = np.sin(2 * np.pi * 440 * np.arange(_SAMPLES) / YAMNET.sample_rate)
    sounds = {"silence": np.zeros(_SAMPLES), "noise": noise, "tone": tone}
    return {name: waveform.astype(np.float32) for name, waveform in sounds.items()}


def summary(embedding):
    """The 32 numbers to compare of an embedding `[1024]`, in hundredths."""
    return 100 * embedding.reshape(32, -1).mean(axis=1)
