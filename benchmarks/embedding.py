"""How fast a batch of clips gets its YAMNet embeddings, against the TF-Hub model and against plain arithmetic.

    AAC_TF_YAMNET=yamnet.h5 python benchmarks/embedding.py

Times 16 clips of 30 s, waveforms in, 62 embeddings of 1024 out of each, through

  ours     `spectrogram` and `YamnetEmbedder`, one call for all clips;
  hub      the waveform model as TF-Hub publishes it (batch normalization apart, one clip a call), made here from the
           same weights, saved, and loaded with `hub.load`;
  matmul   one matrix product of as many multiplications as the network takes (69.2 million a window).

They take turns in one process, so that what slows the machine slows all; medians are compared.
"""

import argparse
import statistics
import tempfile
import time

import aac_tf  # noqa: F401 - selects the Keras to use, before TensorFlow is imported

import numpy as np  # isort: skip
import tensorflow as tf  # isort: skip
import tensorflow_hub as hub  # isort: skip

from aac_tf.audio import YAMNET, spectrogram
from aac_tf.embeddings import YamnetEmbedder
from aac_tf.embeddings.yamnet_network import build_network
from aac_tf.embeddings.yamnet_source import resolve_source
from aac_tf.embeddings.yamnet_weights import read_weights

MULTIPLICATIONS = 69.2e6


def our_path(embedder):
    """A function from waveforms to embeddings, and one that only takes the spectrograms."""

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32)], autograph=False)
    def frames(waveforms):
        return spectrogram(waveforms, YAMNET)

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32)], autograph=False)
    def embed(waveforms):
        return embedder(spectrogram(waveforms, YAMNET))[0]

    return embed, frames


def hub_model(weights, folder):
    """The published waveform model, saved in a folder and loaded from there."""
    network = unfolded(build_network(weights))
    module = tf.Module()
    module.kept = network.variables

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)], autograph=False)
    def from_waveform(waveform):
        samples = tf.shape(waveform)[0]
        further = tf.math.ceil(tf.cast(tf.maximum(samples - 15600, 0), tf.float32) / 7680.0)
        waveform = tf.pad(waveform, [[0, 15600 + 7680 * tf.cast(further, tf.int32) - samples]])
        magnitude = tf.abs(tf.signal.stft(waveform, 400, 160, 512))
        mel = magnitude @ tf.signal.linear_to_mel_weight_matrix(64, 257, 16000, 125.0, 7500.0)
        log_mel = tf.math.log(mel + 0.001)
        embedding, scores = network(tf.signal.frame(log_mel, 96, 48, axis=0))
        return scores, embedding, log_mel

    module.__call__ = from_waveform
    tf.saved_model.save(module, folder)
    return hub.load(folder)


def unfolded(network):
    """The same network with its batch normalization apart again, windows to [embedding, scores]."""
    layers = tf.keras.layers
    hidden, outputs = network.input, []
    for layer in network.layers[1:]:
        if not layer.name.startswith("layer"):
            hidden = layer(hidden)
            outputs.append(hidden)
            continue
        kernel, bias = layer.get_weights()
        bare = type(layer).from_config({**layer.get_config(), "use_bias": False, "activation": None})
        normalization = layers.BatchNormalization(scale=False, epsilon=1e-4)
        hidden = layers.ReLU()(normalization(bare(hidden)))
        bare.set_weights([kernel])
        normalization.set_weights([bias, np.zeros_like(bias), np.full_like(bias, 1 - 1e-4)])
    return tf.keras.Model(network.input, outputs[-2:])


def matrix_product(windows):
    """A function that computes a product of as many multiplications as so many windows take, and its number of them."""
    rows = round(MULTIPLICATIONS * windows / 1024**2)
    left, right = tf.random.stateless_normal([rows, 1024], [1, 2]), tf.random.stateless_normal([1024, 1024], [3, 4])
    product = tf.function(tf.matmul, autograph=False)
    return lambda: product(left, right).numpy()


def main():
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", help="YAMNet's weights (default: $AAC_TF_YAMNET)")
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--batch-windows", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    source = resolve_source(options.source)
    shape = [options.clips, int(options.seconds * YAMNET.sample_rate)]
    waveforms = 0.1 * tf.random.stateless_normal(shape, [5, 6])
    embedder = YamnetEmbedder(source, batch_windows=options.batch_windows)
    embed, frames = our_path(embedder)
    windows = shape[0] * embedder.output_length(YAMNET.output_length(shape[1]))
    with tempfile.TemporaryDirectory() as folder:
        published = hub_model(read_weights(source), folder)
    runs = {
        "ours": lambda: embed(waveforms).numpy(),
        "  of it spectrograms": lambda: frames(waveforms).numpy(),
        "hub, clip by clip": lambda: np.stack([published(waveform)[1].numpy() for waveform in waveforms]),
        "matmul": matrix_product(windows),
    }
    difference = np.abs(runs["ours"]() - runs["hub, clip by clip"]()).max()
    times = {name: [] for name in runs}
    for repeat in range(options.repeats + 1):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            # The first turn is not counted: tracing, and memory asked for.
            times[name] += [time.perf_counter() - began] if repeat else []
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    print(f"{options.clips} clips of {options.seconds:g} s, {windows} windows; ours and hub differ by {difference:.1e}")
    print(f"{'':<22} {'median s':>9} {'best s':>8} {'/ ours':>8}")
    for name, median in medians.items():
        print(f"{name:<22} {median:>9.2f} {min(times[name]):>8.2f} {median / medians['ours']:>8.2f}")


if __name__ == "__main__":
    main()
