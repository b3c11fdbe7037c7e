"""A small exported model, and a folder of short sound files, some of them invalid."""

import json

import numpy as np
import pytest
import soundfile

RATES = {"wav": 16000, "flac": 22050, "ogg": 44100}


@pytest.fixture(scope="session")
def model(one_model):
    """Folder with the only version of an exported model."""
    return str(one_model.parent)


def write_clip(path, seconds, seed=0):
    rate = RATES[path.suffix[1:]]
    time = np.arange(int(seconds * rate)) / rate
    sound = 0.5 * np.sin(2 * np.pi * (200 + 90 * seed) * time * (1 + 0.1 * time))
    soundfile.write(path, sound.astype(np.float32), rate)
    return path


@pytest.fixture(scope="session")
def make_clips():
    """Function that fills a folder with 40 clips, 36 of them valid; returns {path: whether it is valid}."""

    def make(folder):
        rng, clips = np.random.default_rng(0), {}
        for number in range(36):
            path = write_clip(folder / f"{number:02d}.{list(RATES)[number % 3]}", rng.uniform(0.1, 0.8), number)
            clips[str(path)] = True
        complete = (folder / "00.wav").read_bytes()
        bad = {"empty.wav": b"", "cut.wav": complete[: len(complete) // 2], "text.mp3": b"no sound " * 200}
        for name, contents in bad.items():
            (folder / name).write_bytes(contents)
            clips[str(folder / name)] = False
        soundfile.write(folder / "silent.wav", np.zeros(16000), 16000)
        return {**clips, str(folder / "silent.wav"): False}

    return make


@pytest.fixture(scope="session")
def clips(make_clips, tmp_path_factory):
    """Clips from `make_clips`."""
    return make_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="session")
def read_lines():
    """Function that returns the lines in the folder of a job: (captions, failures)."""

    def read(output):
        return tuple(
            [json.loads(line) for path in sorted(output.glob(f"{kind}-*-of-*.jsonl")) for line in open(path)]
            for kind in ("captions", "failed")
        )

    return read
