"""Throughput of the input pipeline from files to augmented spectrograms, and how long training steps wait for it.

    python benchmarks/pipeline.py [--clips 32] [--config configs/clotho_yamnet.yaml data.root=clotho ...]

Writes clips of 30 s at 44.1 kHz as WAV, FLAC, Ogg Vorbis and MP3 files and computes their spectrograms at 16 kHz with
SpecAugment: with the input pipeline of training; with a loop of librosa, whose resampler is soxr; with the same loop in
a pool of two processes; with a loop of soundfile, scipy's polyphase resampler and NumPy; and, as the limit of what any
pipeline can reach, decodes the files with soundfile in two threads and does nothing else. The clips are noise, or parts
of the recordings in --sounds. With --config, also measures the share of the time of training steps that is spent
waiting for the next batch, from files or, if the config stores embeddings, from the store.
"""

import argparse
import concurrent.futures
import functools
import itertools
import multiprocessing
import pathlib
import tempfile
import time

import librosa
import numpy as np
import scipy.signal
import soundfile

# isort: off
import aac_tf  # noqa: F401 - before TensorFlow
import tensorflow as tf
# isort: on

from aac_tf.build import build_augment, build_frozen_encoder, build_model, build_spec
from aac_tf.config import load_config
from aac_tf.data.features import FileFeatures
from aac_tf.data.pipeline import training_batches
from aac_tf.data.preparation import fit_tokenizer, prepare_dataset, prepare_split, training_draw
from aac_tf.models.loss import CaptionCrossentropy

SECONDS, RATE, SAMPLE_RATE = 30, 44100, 16000
FORMATS = ("wav", "flac", "ogg", "mp3")
CONFIG = load_config(None, [f"audio.sample_rate={SAMPLE_RATE}", "specaugment.probability=1"])


def with_tf_data(paths, spec):
    """The input pipeline of training."""
    features = FileFeatures(paths, [spec.output_length(SECONDS * SAMPLE_RATE)] * len(paths), spec)
    augment = build_augment(CONFIG)

    def load(index):
        return augment(features.load(index), tf.stack([index, 0]))

    # Endless, as in training, so that only the first pass includes the start of the pipeline.
    clips = tf.data.Dataset.range(len(paths)).repeat().map(load, tf.data.AUTOTUNE).as_numpy_iterator()
    return lambda: list(itertools.islice(clips, len(paths)))


def masked(log_mel, random):
    """SpecAugment with NumPy, in place, on a spectrogram `[frames, bins]`."""
    masks = CONFIG.specaugment
    for axis, most in ((0, masks.max_frames), (1, masks.max_bins)):
        width = random.integers(0, min(most, log_mel.shape[axis]) + 1)
        first = random.integers(0, log_mel.shape[axis] - width + 1)
        np.moveaxis(log_mel, axis, 0)[first : first + width] = 0
    return log_mel


def one_with_librosa(spec, path, seed):
    """The same for one clip with librosa."""
    waveform, _ = librosa.load(path, sr=SAMPLE_RATE)
    waveform /= np.abs(waveform).max()
    sizes = {"n_fft": spec.fft_length, "hop_length": spec.hop_length, "win_length": spec.window_length}
    mel = librosa.feature.melspectrogram(
        y=waveform, sr=SAMPLE_RATE, window=spec.window, power=1.0, n_mels=spec.num_bins, fmax=spec.fmax, **sizes
    )
    return masked(np.log(np.maximum(mel, spec.log_floor)).T, np.random.default_rng(seed))


def with_librosa(paths, spec):
    """The same with librosa, one clip after another."""
    return lambda: [one_with_librosa(spec, path, index) for index, path in enumerate(paths)]


@functools.cache
def pool():
    """Two processes, which do not inherit TensorFlow's threads."""
    return concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))


def with_librosa_pool(paths, spec):
    """The same with librosa in two processes."""
    return lambda: list(pool().map(functools.partial(one_with_librosa, spec), paths, range(len(paths)), chunksize=4))


def decoded(paths, spec):
    """Decodes the files in two threads; libsndfile releases Python's lock."""
    threads = concurrent.futures.ThreadPoolExecutor(2)
    return lambda: list(threads.map(lambda path: len(soundfile.read(path, dtype="float32")[0]), paths))


def with_numpy(paths, spec):
    """The same with soundfile, scipy and NumPy, one clip after another."""
    window, matrix = spec.window_samples().astype(np.float32), spec.mel_matrix()

    def one(path, random):
        waveform, _ = soundfile.read(path, dtype="float32")
        waveform = scipy.signal.resample_poly(waveform, SAMPLE_RATE // 100, RATE // 100)
        waveform = np.pad(waveform / np.abs(waveform).max(), spec.window_length // 2)
        frames = np.lib.stride_tricks.sliding_window_view(waveform, spec.window_length)[:: spec.hop_length]
        mel = np.abs(np.fft.rfft(frames * window, spec.fft_length)) @ matrix
        return masked(np.log(np.maximum(mel, spec.log_floor)), random)

    return lambda: [one(path, np.random.default_rng(index)) for index, path in enumerate(paths)]


METHODS = {
    "tf.data": with_tf_data,
    "librosa loop": with_librosa,
    "librosa, two processes": with_librosa_pool,
    "soundfile and NumPy loop": with_numpy,
    "decoding alone, two threads": decoded,
}


def _write(path, samples):
    """Writes a file in pieces of a second: libsndfile's Vorbis encoder crashes on long ones."""
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        for start in range(0, len(samples), RATE):
            file.write(samples[start : start + RATE])


def clips(count, sounds):
    """Clips of float32 `[SECONDS * RATE]`: noise, or the recordings of a folder, repeated to this length."""
    recordings = sorted(path for path in pathlib.Path(sounds).rglob("*.wav")) if sounds else []
    for index in range(count):
        if recordings:
            samples, rate = soundfile.read(recordings[index % len(recordings)], always_2d=True)
            assert rate == RATE, f"{recordings[index % len(recordings)]}: {rate} Hz"
            yield np.resize(np.roll(samples[:, 0], index * RATE), SECONDS * RATE)
        else:
            noise = np.random.default_rng(index).normal(0, 0.1, SECONDS * RATE)
            yield scipy.signal.lfilter([1], [1, -0.95], noise) / 4


def measure_reading(count, repeats, sounds=None):
    """{(format, method): clips per second}, the best of the repeats; the methods alternate."""
    spec, found = build_spec(CONFIG), {}
    with tempfile.TemporaryDirectory() as folder:
        for suffix in FORMATS:
            paths = [str(pathlib.Path(folder) / f"{index}.{suffix}") for index in range(count)]
            for path, clip in zip(paths, clips(count, sounds)):
                _write(path, clip)
            runs = {name: method(paths, spec) for name, method in METHODS.items()}
            shapes = {name: result.shape for name, run in runs.items() if not isinstance(result := run()[0], int)}
            assert len(set(shapes.values())) == 1, shapes
            for _ in range(repeats):
                for name, run in runs.items():
                    began = time.perf_counter()
                    run()
                    rate = count / (time.perf_counter() - began)
                    found[suffix, name] = max(found.get((suffix, name), 0.0), rate)
    return found


def measure_waiting(config, steps):
    """(share of the time of training steps that is spent waiting for batches, seconds per step)."""
    prepare_dataset(config)
    tokenizer = fit_tokenizer(config)
    embedder = build_frozen_encoder(config)
    stored = None if config.data.stored_views() is None else embedder
    split = prepare_split(config, "train", tokenizer, stored)
    batches = training_batches(
        split.examples,
        split.features,
        split.boundaries,
        config.training.batch_size,
        draw=training_draw(config, split.features),
    )
    size = tokenizer.vocabulary_size()
    model = build_model(config, size, embedder=embedder if stored is None else None, bins=split.features.bins)
    model.compile("adam", CaptionCrossentropy())
    waited = spent = 0.0
    batches = iter(batches)
    for step in range(steps + 3):
        began = time.perf_counter()
        batch = next(batches)
        received = time.perf_counter()
        model.train_on_batch(*batch)
        if step >= 3:  # the first steps trace and fill the pipeline
            waited, spent = waited + received - began, spent + time.perf_counter() - began
    return waited / spent, spent / steps


def main():
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sounds", help="folder of WAV recordings at 44.1 kHz to use in place of noise")
    parser.add_argument("--config", help="config of the training steps to measure")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    options = parser.parse_intermixed_args()
    found = measure_reading(options.clips, options.repeats, options.sounds)
    print("| 30 s, 44.1 kHz, clips/s |" + "".join(f" {suffix} | |" for suffix in FORMATS))
    print("| --- |" + " ---: | ---: |" * len(FORMATS))
    for name in METHODS:
        cells = (f"{found[s, name]:.1f} | {found[s, name] / found[s, 'librosa loop']:.1f}" for s in FORMATS)
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    if options.config:
        share, seconds = measure_waiting(load_config(options.config, options.overrides), options.steps)
        print(f"\nwaiting for input: {100 * share:.1f} % of a training step of {seconds:.2f} s")


if __name__ == "__main__":
    main()
