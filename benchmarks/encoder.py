"""Speed-up of captioning by sub-sampling, and comparison of the layers with PyTorch.

    python benchmarks/encoder.py
    python benchmarks/encoder.py --clips 1045 --seconds 15 30 --repeats 1   # as many as Clotho's evaluation split has

Times clips of 30 s (2,584 log-mel frames), or of a range of durations, in batches of similar ones, with the encoder and
decoder of configs/dcase2020.yaml for each sub-sampling factor M and, if PyTorch is installed, with the same layers as
`torch.nn.GRU`. The two alternate in one process, so that other load on the machine affects both equally; the medians
are compared.
"""

import argparse
import os
import statistics
import time

import numpy as np

import aac_tf  # noqa: F401 - selects the Keras to use, before TensorFlow is imported

import tensorflow as tf  # isort: skip

from aac_tf.models import CaptioningModel, FixedVectorDecoder, SubsampledBiRNN

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


def torch_captioner(factor):
    """The same function with PyTorch, which takes the padding of a batch as sound."""
    import torch

    widths = [BINS, 2 * UNITS, 2 * UNITS]
    layers = [torch.nn.GRU(width, UNITS, batch_first=True, bidirectional=True) for width in widths]
    decoder = torch.nn.GRU(2 * UNITS, UNITS, batch_first=True)
    classifier = torch.nn.Linear(UNITS, VOCABULARY)

    @torch.no_grad()
    def run(features, lengths):
        hidden = layers[0](torch.from_numpy(features))[0]
        for layer in layers[1:]:
            kept = max(1, hidden.shape[1] // factor)
            hidden = hidden[:, ::factor][:, :kept]
            hidden = layer(hidden)[0] + hidden
        vector = hidden[:, -1:].expand(-1, WORDS, -1)
        return classifier(decoder(vector)[0]).numpy()

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


def main():
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--seconds", type=float, nargs=2, default=[30, 30], help="shortest and longest clip")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--factors", type=int, nargs="+", default=[1, 2, 4, 8, 16])
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
    print(f"{'M':>3} {'keras s':>9} {'vs M=first':>11}" + (f" {'torch s':>9} {'torch/keras':>12}" if torch else ""))
    for factor in options.factors:
        runs = [keras_captioner(factor)] + ([torch_captioner(factor)] if torch else [])
        for run in runs:
            run(features[:, :50], np.full(options.batch, 50, np.int32))
        times = [[] for _ in runs]
        for _ in range(options.repeats):
            for taken, run in zip(times, runs):
                taken.append(seconds(run, features, lengths, options.batch))
        medians = [statistics.median(taken) for taken in times]
        first = first or medians[0]
        line = f"{factor:>3} {medians[0]:>9.2f} {first / medians[0]:>10.1f}x"
        if torch:
            line += f" {medians[1]:>9.2f} {medians[1] / medians[0]:>11.2f}x"
        print(line, flush=True)


if __name__ == "__main__":
    main()
