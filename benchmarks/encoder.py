"""Speed-up of captioning by sub-sampling, and comparison of the layers with PyTorch.

    python benchmarks/encoder.py
    python benchmarks/encoder.py --clips 1045 --seconds 15 30 --repeats 1   # as many as Clotho's evaluation split has
    python benchmarks/encoder.py --training --clips 16 --factors 1          # the gradient, against Keras' layers too

Times clips of 30 s (2,584 log-mel frames), or of a range of durations, in batches of similar ones, with the encoder and
decoder of configs/dcase2020.yaml for each sub-sampling factor M and, if PyTorch is installed, with the same layers as
`torch.nn.GRU`. The two alternate in one process, so that other load on the machine affects both equally; the medians
are compared.

`--training` times the encoder alone with the gradient of its weights: the loops that the encoder trains with on CPUs,
the Keras layers in their place, and PyTorch. It prints by how much the gradients of the first two differ for the first
50 frames, relative to the largest entry of each weight's gradient.
"""

import argparse
import os
import statistics
import time

import numpy as np

import aac_tf  # noqa: F401 - selects the Keras to use, before TensorFlow is imported

import tensorflow as tf  # isort: skip

from aac_tf.models import CaptioningModel, FixedVectorDecoder, SubsampledBiRNN, subsampled_birnn

FRAMES_PER_SECOND, BINS, UNITS, WORDS, VOCABULARY = 44100 / 512, 64, 256, 21, 4367


def keras_captioner(factor):
    """A function from a batch of features and their lengths to logits, with Keras."""
    model = CaptioningModel(
        SubsampledBiRNN(UNITS, layers=3, cell="gru", subsampling=factor), FixedVectorDecoder(VOCABULARY, UNITS)
    )
    call = tf.function(
        lambda features, length: model(
            {"features": features, "length": length, "tokens": tf.zeros([tf.shape(features)[0], WORDS], tf.int32)}
        ),
        input_signature=[tf.TensorSpec([None, None, BINS]), tf.TensorSpec([None], tf.int32)],
    )

    def run(features, lengths):
        return call(tf.constant(features), tf.constant(lengths)).numpy()

    return run


def keras_gradient(encoder, own_loops):
    """A function from a batch to the gradients of an encoder's weights.

    Args:
        encoder: `SubsampledBiRNN`.
        own_loops: whether it trains with its own loops, as on CPUs, or with the Keras layers, as on GPUs.
    """

    @tf.function(input_signature=[tf.TensorSpec([None, None, BINS]), tf.TensorSpec([None], tf.int32)])
    def call(features, length):
        accelerated, subsampled_birnn._accelerated = subsampled_birnn._accelerated, lambda: not own_loops
        try:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(encoder(features, length, training=True)[0]))
        finally:
            subsampled_birnn._accelerated = accelerated
        return tape.gradient(loss, encoder.trainable_variables)

    return lambda features, lengths: [
        gradient.numpy() for gradient in call(tf.constant(features), tf.constant(lengths))
    ]


def torch_encoder(factor):
    """The same encoder with PyTorch, which takes the padding of a batch as sound, and its layers."""
    import torch

    widths = [BINS, 2 * UNITS, 2 * UNITS]
    layers = [torch.nn.GRU(width, UNITS, batch_first=True, bidirectional=True) for width in widths]

    def run(features):
        hidden = layers[0](torch.from_numpy(features))[0]
        for layer in layers[1:]:
            kept = max(1, hidden.shape[1] // factor)
            hidden = hidden[:, ::factor][:, :kept]
            hidden = layer(hidden)[0] + hidden
        return hidden

    return run, layers


def torch_captioner(factor):
    """A function like that of `keras_captioner`, with PyTorch."""
    import torch

    encoder, _ = torch_encoder(factor)
    decoder = torch.nn.GRU(2 * UNITS, UNITS, batch_first=True)
    classifier = torch.nn.Linear(UNITS, VOCABULARY)

    @torch.no_grad()
    def run(features, lengths):
        vector = encoder(features)[:, -1:].expand(-1, WORDS, -1)
        return classifier(decoder(vector)[0]).numpy()

    return run


def torch_gradient(factor):
    """A function like that of `keras_gradient`, with PyTorch."""
    import torch

    encoder, layers = torch_encoder(factor)
    weights = [weight for layer in layers for weight in layer.parameters()]

    def run(features, lengths):
        return torch.autograd.grad(encoder(features).square().mean(), weights)

    return run


def seconds(run, features, lengths, batch):
    """Time for all clips, batch by batch, in seconds.

    Args:
        run: function from a batch of features and their lengths.
        features: float32 `[batch, frames, BINS]`, of which each batch takes as much as it needs.
        lengths: sorted int32 `[clips]`.
        batch: number of clips in a batch.
    """
    began = time.perf_counter()
    for start in range(0, len(lengths), batch):
        part = lengths[start : start + batch]
        run(features[: len(part), : part[-1]], part)
    return time.perf_counter() - began


def captioners(factor, torch):
    """{name: function that captions a batch}."""
    return {"keras": keras_captioner(factor), **({"torch": torch_captioner(factor)} if torch else {})}


def gradients(factor, torch):
    """{name: function that computes the gradients of a batch}."""
    encoder = SubsampledBiRNN(UNITS, layers=3, cell="gru", subsampling=factor)
    encoder.build([None, None, BINS])
    runs = {"loops": keras_gradient(encoder, True), "keras": keras_gradient(encoder, False)}
    return {**runs, **({"torch": torch_gradient(factor)} if torch else {})}


def largest_difference(found, wanted):
    """Largest difference of two lists of gradients, relative to the largest entry of each."""
    return max(np.abs(one - other).max() / np.abs(other).max() for one, other in zip(found, wanted))


def main():
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--seconds", type=float, nargs=2, default=[30, 30], help="shortest and longest clip")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--factors", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--training", action="store_true", help="time the gradient of the encoder")
    options = parser.parse_args()
    try:
        import torch

        torch.set_num_threads(os.cpu_count())
        print(f"TensorFlow {tf.__version__}, PyTorch {torch.__version__}")
    except ImportError:
        torch = None
        print(f"TensorFlow {tf.__version__}; PyTorch is not installed, so it is not compared")
    durations = np.sort(np.random.default_rng(0).uniform(*options.seconds, options.clips))
    lengths = np.round(durations * FRAMES_PER_SECOND).astype(np.int32)
    features = np.random.default_rng(1).standard_normal([options.batch, lengths[-1], BINS], np.float32)
    print(f"{options.clips} clips, {durations.sum() / 3600:.2f} hours of sound")
    first = None
    for factor in options.factors:
        runs = (gradients if options.training else captioners)(factor, torch)
        short = features[:, :50], np.full(options.batch, 50, np.int32)
        found = {name: run(*short) for name, run in runs.items()}
        times = {name: [] for name in runs}
        for _ in range(options.repeats):
            for name, run in runs.items():
                times[name].append(seconds(run, features, lengths, options.batch))
        own, *others = (statistics.median(taken) for taken in times.values())
        if first is None:
            print(f"{'M':>3}" + "".join(f" {name + ' s':>9}" for name in runs) + f" {'vs M=first':>11}", end="")
            print("".join(f" {name + '/' + next(iter(runs)):>12}" for name in list(runs)[1:]))
            first = own
        line = f"{factor:>3}" + "".join(f" {taken:>9.2f}" for taken in (own, *others)) + f" {first / own:>10.1f}x"
        line += "".join(f" {other / own:>11.2f}x" for other in others)
        if options.training:
            line += f"   gradients differ by {largest_difference(found['loops'], found['keras']):.0e}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
