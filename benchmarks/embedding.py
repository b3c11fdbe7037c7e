"""Speed of the frozen encoders: YAMNet compared with the TF-Hub model, AST compared with PyTorch.

    AAC_TF_YAMNET=yamnet.h5 python benchmarks/embedding.py
    python benchmarks/embedding.py --kind ast

YAMNet: times 16 clips of 30 s, from waveforms to 62 embeddings of width 1024 each, with

  ours     `spectrogram` and `YamnetEmbedder`, one call for all clips, in float32 and in bfloat16;
  hub      the waveform model in the form that TF-Hub publishes (separate batch normalization, one clip per call),
           built here from the same weights, saved, and loaded with `hub.load`;
  matmul   one matrix product with as many multiplications as the network has (69.2 million per window).

AST: times spectrogram windows of 0.96 s and of 10.24 s, up to the [CLS] output, with the network of `AstEmbedder` in
float32 and bfloat16, with and without XLA; with `TFASTModel`, which computes all tokens; and, if PyTorch is installed,
with `ASTModel` of transformers with the same random weights, threads and batch.

All alternate in one process, so that other load on the machine affects them equally; the medians are compared.
"""

import argparse
import os
import statistics
import tempfile
import time

import aac_tf  # noqa: F401 - selects the Keras to use, before TensorFlow is imported

import numpy as np  # isort: skip
import tensorflow as tf  # isort: skip
import tensorflow_hub as hub  # isort: skip

from aac_tf.audio import YAMNET, spectrogram
from aac_tf.embeddings import YamnetEmbedder
from aac_tf.embeddings.yamnet.network import build_network
from aac_tf.embeddings.yamnet.source import resolve_source
from aac_tf.embeddings.yamnet.weights import read_weights

MULTIPLICATIONS = 69.2e6


def our_path(embedder):
    """Functions from waveforms to embeddings, and from waveforms to spectrograms."""

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32)], autograph=False)
    def frames(waveforms):
        return spectrogram(waveforms, YAMNET)

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32)], autograph=False)
    def embed(waveforms):
        return embedder(spectrogram(waveforms, YAMNET))[0]

    return embed, frames


def hub_model(weights, folder):
    """The published waveform model, saved to a folder and loaded from it."""
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
    """The network with separate batch normalization, from windows to [embedding, scores]."""
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
    """A function that computes a matrix product with as many multiplications as the network has for some windows."""
    rows = round(MULTIPLICATIONS * windows / 1024**2)
    left, right = tf.random.stateless_normal([rows, 1024], [1, 2]), tf.random.stateless_normal([1024, 1024], [3, 4])
    product = tf.function(tf.matmul, autograph=False)
    return lambda: product(left, right).numpy()


def ast_runs(seconds, windows, xla, threads):
    """{name: function that embeds windows}, ours first; all have the same weights and input."""
    from aac_tf.embeddings import AstEmbedder
    from aac_tf.embeddings.ast.network import FrozenAst
    from aac_tf.embeddings.ast.source import ASTConfig, random_model

    frames = AstEmbedder.spec_for(window_seconds=seconds).segment_length
    model = random_model(ASTConfig(max_length=frames))
    batch = 0.5 * tf.random.stateless_normal([windows, frames, model.config.num_mel_bins], [7, 8])

    def compiled(network, **options):
        call = tf.function(network, autograph=False, **options)
        return lambda: call(batch).numpy()

    exact, rough = FrozenAst(model, frames), FrozenAst(model, frames, tf.bfloat16)
    runs = {"ours": compiled(exact), "ours, bfloat16": compiled(rough)}
    if xla:
        runs["ours, XLA"] = compiled(exact, jit_compile=True)
        runs["ours, bfloat16, XLA"] = compiled(rough, jit_compile=True)
    runs["TFASTModel"] = compiled(lambda x: model(x).last_hidden_state[:, 0])
    return {**runs, **pytorch_runs(model, batch, threads)}


def pytorch_runs(model, batch, threads):
    """The same with PyTorch; empty if it is not installed."""
    try:
        import torch
    except ImportError:
        return {}
    from transformers import ASTModel

    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        exact = ASTModel.from_pretrained(folder).eval()
        rough = ASTModel.from_pretrained(folder, dtype=torch.bfloat16).eval()
    inputs = torch.tensor(batch.numpy())

    def run(network):
        with torch.inference_mode():
            return network(inputs.to(network.dtype)).last_hidden_state[:, 0].float().numpy()

    attention = exact.config._attn_implementation
    return {f"PyTorch, {attention}": lambda: run(exact), f"PyTorch, {attention}, bfloat16": lambda: run(rough)}


def compare_ast(options):
    """Measures AST and prints the results."""
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    for seconds, windows in ((0.96, options.windows), (10.24, max(1, options.windows // 16))):
        runs = ast_runs(seconds, windows, options.xla, options.threads)
        answers = {name: run() for name, run in runs.items()}
        medians, best = take_turns(runs, options.repeats)
        exact = answers["ours"]
        base = next((name for name in runs if name.startswith("PyTorch")), "ours")
        print(
            f"{windows} windows of {seconds:g} s, {options.threads} threads; speed of {base} = 1; differences from ours"
        )
        print(f"{'':<26} {'windows/s':>10} {'best':>8} {'speed':>7} {'largest':>9} {'cosine':>9}")
        for name, found in answers.items():
            norms = np.linalg.norm(found, axis=-1) * np.linalg.norm(exact, axis=-1)
            cosine = np.min(np.sum(found * exact, axis=-1) / norms)
            print(
                f"{name:<26} {windows / medians[name]:>10.2f} {windows / best[name]:>8.2f} "
                f"{medians[base] / medians[name]:>7.2f} {np.abs(found - exact).max():>9.1e} {cosine:>9.6f}",
                flush=True,
            )


def take_turns(runs, repeats):
    """Median and minimum seconds of each function, without the first turn, which traces and allocates memory."""
    times = {name: [] for name in runs}
    for repeat in range(repeats + 1):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            times[name] += [time.perf_counter() - began] if repeat else []
    return {name: statistics.median(taken) for name, taken in times.items()}, {n: min(t) for n, t in times.items()}


def main():
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=("yamnet", "ast"), default="yamnet")
    parser.add_argument(
        "--windows", type=int, default=32, help="AST: number of windows of 0.96 s; a sixteenth of it for 10.24 s"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="AST: number of threads of both libraries")
    parser.add_argument("--xla", action="store_true", help="AST: also compile with XLA")
    parser.add_argument("--source", help="weights of YAMNet (default: $AAC_TF_YAMNET)")
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--batch-windows", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if options.kind == "ast":
        return compare_ast(options)
    source = resolve_source(options.source)
    shape = [options.clips, int(options.seconds * YAMNET.sample_rate)]
    waveforms = 0.1 * tf.random.stateless_normal(shape, [5, 6])
    embedder = YamnetEmbedder(source, batch_windows=options.batch_windows)
    embed, frames = our_path(embedder)
    rough, _ = our_path(YamnetEmbedder(source, batch_windows=options.batch_windows, precision="bfloat16"))
    windows = shape[0] * embedder.output_length(YAMNET.output_length(shape[1]))
    with tempfile.TemporaryDirectory() as folder:
        published = hub_model(read_weights(source), folder)
    runs = {
        "ours": lambda: embed(waveforms).numpy(),
        "ours, bfloat16": lambda: rough(waveforms).numpy(),
        "  spectrograms only": lambda: frames(waveforms).numpy(),
        "hub, clip by clip": lambda: np.stack([published(waveform)[1].numpy() for waveform in waveforms]),
        "matmul": matrix_product(windows),
    }
    difference = np.abs(runs["ours"]() - runs["hub, clip by clip"]()).max()
    medians, best = take_turns(runs, options.repeats)
    print(f"{options.clips} clips of {options.seconds:g} s, {windows} windows; ours and hub differ by {difference:.1e}")
    print(f"{'':<22} {'median s':>9} {'best s':>8} {'/ ours':>8}")
    for name, median in medians.items():
        print(f"{name:<22} {median:>9.2f} {best[name]:>8.2f} {median / medians['ours']:>8.2f}")


if __name__ == "__main__":
    main()
