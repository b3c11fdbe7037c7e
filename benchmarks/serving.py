"""Latency of an exported captioner, in total and by part, and its memory over many calls.

    python benchmarks/serving.py embedding.source=yamnet.h5
    python benchmarks/serving.py --calls 1000 --front-ends log-mel

Exports the models of configs/clotho_logmel.yaml and configs/clotho_yamnet.yaml (and, with --front-ends AST, that of
configs/clotho_ast.yaml) with random weights and a vocabulary of 4,367 words. Their captions have the maximum length, so
decoding takes its maximum time. Times, alternating, a call of the SavedModel from waveform to text or, with --signature
serving_default, to text and attention, and its parts, which are compiled separately:

  front end   waveform to spectrogram;
  embedding   spectrogram to embeddings of the frozen encoder;
  encoder     embeddings to encoder steps;
  decoding    search, text and, with that signature, attention: the rest of the call.

`/ network` is the time of the call divided by that of front end and embedding: what captioning adds to the time of the
frozen encoder. With --calls, one model also captions that many clips of 1 to 30 s, and the process memory is printed.
"""

import argparse
import functools
import itertools
import os
import pathlib
import tempfile
import time

import aac_tf  # noqa: F401 - selects the Keras to use, before TensorFlow is imported

import numpy as np  # isort: skip
import tensorflow as tf  # isort: skip

from aac_tf import Captioner
from aac_tf.audio import long_spectrogram
from aac_tf.build import build_frozen_encoder, build_model
from aac_tf.config import load_config
from aac_tf.export.saved_model import export_saved_model
from aac_tf.text import WordTokenizer

FRONT_ENDS = {
    "log-mel": "configs/clotho_logmel.yaml",
    "YAMNet": "configs/clotho_yamnet.yaml",
    "AST": "configs/clotho_ast.yaml",
    "everyday": "configs/everyday.yaml",
}
VOCABULARY = 4367


def make_captioner(config):
    """A captioner with random weights, whose captions have the maximum of twenty words."""
    tf.keras.utils.set_random_seed(0)
    tokenizer = WordTokenizer(
        ["<PAD>", "<START>", "<END>", "<UNK>", *(f"word{index}" for index in range(VOCABULARY - 4))],
        config.vocabulary.max_words,
    )
    normalization = (np.full(64, -5.0), np.full(64, 4.0)) if config.audio.normalize else None
    return Captioner(build_model(config, VOCABULARY, normalization, build_frozen_encoder(config)), tokenizer, config)


def make_parts(captioner):
    """The parts before decoding, each starting from the waveform: {name: function (waveform, length)}."""
    model, spec = captioner.model, captioner.spec
    signature = [tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int32)]

    def front_end(waveform, length):
        return long_spectrogram(waveform, spec, length), spec.output_length(length)

    parts = {"front end": front_end, "encoder": lambda *sound: model.encode(*front_end(*sound))}
    if model.embedder is not None:
        parts["embedding"] = lambda *sound: model.embedder(*front_end(*sound))
    return {name: tf.function(part, signature, autograph=False) for name, part in parts.items()}


def measure(runs, repeats):
    """Seconds of each turn except the first: {name: array}."""
    times = {name: [] for name in runs}
    for repeat in range(repeats + 1):
        for name, run in runs.items():
            began = time.perf_counter()
            tf.nest.map_structure(lambda tensor: tensor.numpy(), run())
            times[name] += [time.perf_counter() - began] if repeat else []
    return {name: np.array(taken) for name, taken in times.items()}


def table_rows(captioner, calls, seconds, batch, repeats):
    """Rows of the table for clips of one length, one per beam size; `calls` are signatures by beam size."""
    parts = make_parts(captioner)
    samples = int(seconds * captioner.spec.sample_rate)
    sound = 0.1 * tf.random.stateless_normal([batch, samples], [1, 2]), tf.fill([batch], samples)
    runs = {name: functools.partial(part, *sound) for name, part in parts.items()}
    runs |= {beam: functools.partial(call, waveform=sound[0], length=sound[1]) for beam, call in calls.items()}
    times = measure(runs, repeats)
    medians = {name: 1000 * np.median(taken) for name, taken in times.items()}
    network = medians.get("embedding", medians["front end"])
    for beam in calls:
        values = [
            medians[beam],
            1000 * np.percentile(times[beam], 95),
            medians["front end"],
            network - medians["front end"],
            medians["encoder"] - network,
            medians[beam] - medians["encoder"],
        ]
        ratio = f"{medians[beam] / network:.2f}" if "embedding" in medians else ""
        yield [captioner.config.name, f"{seconds:g}", batch, beam, *(f"{value:.0f}" for value in values), ratio]


def print_memory(call, rate, calls):
    """Calls a model with clips of varying lengths and prints the memory of the process."""
    rng = np.random.default_rng(0)
    marks = {max(1, round(calls * share)) for share in (0.02, 0.1, 0.25, 0.5, 0.75, 1)}
    for count in range(1, calls + 1):
        samples = int(rng.uniform(1, 30) * rate)
        call(waveform=0.1 * tf.random.stateless_normal([1, samples], [count, 0]), length=tf.constant([samples]))
        if count in marks:
            pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
            print(f"after {count} calls: {pages * os.sysconf('SC_PAGE_SIZE') / 1e6:.0f} MB", flush=True)


def main():
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--front-ends", nargs="+", choices=FRONT_ENDS, default=["log-mel", "YAMNet"])
    parser.add_argument("--seconds", type=float, nargs="+", default=[10, 30])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 3])
    parser.add_argument(
        "--signature",
        default="waveform_to_text",
        choices=("waveform_to_text", "serving_default"),
        help="signature without or with attention",
    )
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument(
        "--calls", type=int, default=0, help="number of clips of varying lengths to measure the memory with"
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    options = parser.parse_intermixed_args()
    columns = "model, clip s, batch, beam, median ms, 95 % ms, front end, embedding, encoder, decoding, / network"
    if options.repeats:
        print("| " + columns.replace(", ", " | ") + " |\n|" + " --- |" + " ---: |" * columns.count(","))
    for front_end in options.front_ends:
        overrides = [item for item in options.overrides if front_end != "log-mel" or not item.startswith("embedding.")]
        captioner = make_captioner(load_config(FRONT_ENDS[front_end], overrides))
        with tempfile.TemporaryDirectory() as folder:
            versions = {beam: export_saved_model(captioner, folder, beam) for beam in options.beams}
            models = {beam: tf.saved_model.load(str(version)) for beam, version in versions.items()}
        calls = {beam: model.signatures[options.signature] for beam, model in models.items()}
        for seconds, batch in itertools.product(options.seconds, options.batches if options.repeats else ()):
            for row in table_rows(captioner, calls, seconds, batch, options.repeats):
                print("| " + " | ".join(map(str, row)) + " |", flush=True)
        if options.calls:
            print_memory(calls[options.beams[-1]], captioner.spec.sample_rate, options.calls)


if __name__ == "__main__":
    main()
