"""Runs with random weights, which need no training, and models exported from them."""

import functools
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from aac_tf import Captioner
from aac_tf.build import build_frozen_encoder, build_model
from aac_tf.config import load_config
from aac_tf.export.saved_model import export_saved_model
from aac_tf.runs.run import Run
from aac_tf.text import WordTokenizer

WORDS = ["a", "the", "dog", "cat", "bell", "rain", "siren", "barks", "meows", "rings", "falls", "and", "then", "loudly"]
SMALL = ["encoder.units=12", "decoder.units=12"]
SMALL_ATTENTION = ["decoder.embedding=6", "decoder.attention_units=6"]
SMALL_AST = pathlib.Path(__file__).parents[1] / "embeddings" / "fixtures" / "ast" / "audioset"
RUNS = {
    "attention": ["audio.sample_rate=16000", "audio.normalize=true"],
    "attention, M = 4": ["audio.sample_rate=16000", "encoder.subsampling=4", "encoder.residual=true"],
    "fixed vector": ["encoder.cell=gru", "encoder.layers=3", "encoder.subsampling=2", "decoder.kind=fixed_vector"],
    "AST": ["embedding.kind=ast", f"embedding.source={SMALL_AST}"],
}


def write_run(folder, overrides):
    """Writes a run folder like that of training, with random weights."""
    tf.keras.utils.set_random_seed(1)
    attention = [] if "decoder.kind=fixed_vector" in overrides else SMALL_ATTENTION
    config = load_config(None, [*SMALL, *attention, "vocabulary.max_words=8", *overrides])
    tokenizer = WordTokenizer(["<PAD>", "<START>", "<END>", "<UNK>", *WORDS], max_words=8)
    normalization = (np.full(64, -5.0), np.full(64, 4.0)) if config.audio.normalize else None
    model = build_model(config, tokenizer.vocabulary_size(), normalization, build_frozen_encoder(config))
    for weight in model.trainable_weights:
        # Otherwise all hypotheses have about the same probability, and rounding errors decide between them.
        weight.assign(weight * 4.0)
    run = Run(folder)
    run.create(config, tokenizer, normalization)
    run.best.mkdir(parents=True)
    tf.train.CheckpointManager(tf.train.Checkpoint(model=model), str(run.best), max_to_keep=1).save()
    return run.folder


def chirp(samples, rate, seed):
    """A chirp with noise, float32 `[samples]`."""
    rng, time = np.random.default_rng(seed), np.arange(samples) / rate
    low, high = rng.uniform(200, 3000, 2)
    whistle = np.sin(2 * np.pi * (low * time + high * time**2 / 4)) * np.sin(2 * np.pi * rng.uniform(1, 4) * time) ** 2
    return (0.4 * whistle + 0.05 * rng.normal(size=samples)).astype(np.float32)


@pytest.fixture(scope="session")
def wavs(tmp_path_factory):
    """Paths of WAV files of several rates, depths, channels and lengths."""
    folder = tmp_path_factory.mktemp("wavs")
    kinds = [
        (8000, "PCM_U8", 1, 1.1),
        (16000, "PCM_16", 1, 2.3),
        (22050, "PCM_24", 2, 0.7),
        (44100, "PCM_32", 2, 1.6),
        (48000, "FLOAT", 1, 0.06),
    ]
    paths = []
    for seed, (rate, encoding, channels, seconds) in enumerate(kinds):
        sound = np.stack([chirp(int(seconds * rate), rate, 2 * seed + channel) for channel in range(channels)], axis=1)
        paths.append(folder / f"{rate}.wav")
        soundfile.write(paths[-1], sound, rate, subtype=encoding)
    return paths


@pytest.fixture(scope="session")
def make_run():
    return write_run


@pytest.fixture(scope="session")
def make(tmp_path_factory):
    """Cached function from a key of `RUNS` to (run, `Captioner`, folder of the exported model, loaded model)."""

    @functools.cache
    def make(kind):
        run = write_run(tmp_path_factory.mktemp("run") / "run", RUNS[kind])
        captioner = Captioner.load(run)
        version = export_saved_model(captioner, tmp_path_factory.mktemp("model"))
        return run, captioner, version, tf.saved_model.load(os.fspath(version))

    return make


@pytest.fixture(scope="session")
def one_run(make):
    """The run of tests that need only one kind."""
    return make("attention, M = 4")[0]


@pytest.fixture(scope="session")
def one_captioner(make):
    return make("attention, M = 4")[1]


@pytest.fixture(scope="session")
def one_model(make):
    """The first version of its exported model."""
    return make("attention, M = 4")[2]


@pytest.fixture(scope="session")
def one_loaded(make):
    """The same model, loaded."""
    return make("attention, M = 4")[3]


@pytest.fixture(scope="session")
def expected(one_captioner, wavs):
    """Captions of the WAV files by `one_captioner`."""
    return one_captioner.caption(wavs)


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory):
    """Function that runs Python code without `aac_tf` and returns the JSON in the last line of its output."""
    folder = tmp_path_factory.mktemp("elsewhere")

    def run(code, *arguments):
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        # `aac_tf` may be installed, but a module that is None in sys.modules cannot be imported.
        code = "import sys; sys.modules['aac_tf'] = sys.modules['tensorflow_io'] = None\n" + code
        command = [sys.executable, "-c", code, *map(str, arguments)]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
