"""The example sounds of the page: synthetic ones, or the user's."""

import collections
import pathlib

import numpy as np
import soundfile

from aac_tf.labelling.recordings import ENDINGS
from aac_tf.scenes.synthesis import synthesize

SAMPLE_RATE = 44100
MAX_EXAMPLES = 12
_LOUDNESS, _NOISE = 0.1, 0.0004  # root mean square of a sound, and of the hiss of the recorder
# Name of the example to its length in seconds and its sounds: kind, seed, begin and length in seconds, level.
SCENES = {
    "A telephone": (6.0, [("phone", 2, 0.6, 4.8, 1.0)]),
    "Birds": (8.0, [("birdsong", 0, 0.4, 7.0, 1.0)]),
    "A dog": (5.0, [("dog bark", 1, 0.7, 1.5, 1.0), ("dog bark", 1, 2.6, 1.5, 0.8)]),
    "Rain": (8.0, [("rain", 0, 0.0, 8.0, 0.7)]),
    "Half a minute": (
        32.0,
        [
            ("birdsong", 0, 0.5, 8.0, 1.0),
            ("dog bark", 1, 11.0, 1.5, 1.0),
            ("dog bark", 1, 13.0, 1.5, 0.8),
            ("dog bark", 1, 15.0, 1.5, 0.9),
            ("waves", 3, 19.0, 12.5, 0.8),
        ],
    ),
}


def find_examples(folder):
    """Finds the example sounds in a folder of the user.

    Args:
        folder: path of the folder.

    Returns:
        `{name: path}` of the first `MAX_EXAMPLES` sound files by name; names have their ending where several are equal
        without it.

    Raises:
        FileNotFoundError: if the folder does not exist, or has no sound files.
    """
    folder = pathlib.Path(folder)
    paths = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    files = [path for path in paths if path.suffix.lower() in ENDINGS and path.name[0] != "."][:MAX_EXAMPLES]
    if not files:
        raise FileNotFoundError(f"{folder} is no folder with sound files: give one with --examples")
    stems = collections.Counter(path.stem for path in files)
    return {path.stem if stems[path.stem] == 1 else path.name: str(path) for path in files}


def write_examples(folder):
    """Writes the synthetic examples.

    Args:
        folder: path of an existing folder.

    Returns:
        `{name: path}`.
    """
    paths = {}
    for name, (seconds, sounds) in SCENES.items():
        path = pathlib.Path(folder) / f"{name}.wav"
        soundfile.write(path, compose(seconds, sounds), SAMPLE_RATE, subtype="PCM_16")
        paths[name] = str(path)
    return paths


def compose(seconds, sounds):
    """Mixes the sounds of an entry of `SCENES`; returns a float32 numpy array `[samples]` at `SAMPLE_RATE`."""
    mix = _NOISE * np.random.default_rng(0).standard_normal(round(seconds * SAMPLE_RATE), dtype=np.float32)
    for kind, seed, begin, length, level in sounds:
        sound = synthesize(kind, np.random.default_rng(seed), length, SAMPLE_RATE)
        start = round(begin * SAMPLE_RATE)
        sound = sound[: len(mix) - start]
        mix[start : start + len(sound)] += level * _LOUDNESS / np.sqrt(np.mean(np.square(sound))) * sound
    return mix / max(1.0, float(np.abs(mix).max()) / 0.95)
