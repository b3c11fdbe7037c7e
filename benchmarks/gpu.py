"""Training steps, captions and YAMNet on a GPU, against the CPU and PyTorch's layers; writes a Markdown table.

    AAC_TF_YAMNET=yamnet.npz python benchmarks/gpu.py --output gpu.md
    python benchmarks/gpu.py --device cpu

Each row is measured in processes of its own, one for each device, because layers choose their form by the devices that
are there. Medians of the turns after the first, which compiles. Two checks tell whether the GPU is used as intended:

  cuDNN   the executed graph of a training step contains cuDNN's recurrent ops;
  XLA     a training step is compiled, and its loss is that of the step without XLA.

`--device cpu` needs no GPU: it runs everything once at small size, to test this script. YAMNet is left out if its
weights are neither given nor in the cache, PyTorch if it is not installed.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import aac_tf  # noqa: F401 - selects the Keras to use, before TensorFlow is imported

CONFIGS = ["configs/clotho_logmel.yaml", "configs/dcase2020.yaml"]
# Of the full and of the small size: clips of a batch, their seconds, units of a layer, words of the vocabulary.
SIZES = {"full": (32, 30, 256, 4367), "small": (2, 1, 8, 50)}


def median_seconds(run, turns):
    """Median time of `run`, without its first turn."""
    times = []
    for _ in range(turns + 1):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def make_model(path, size, overrides):
    """A compiled model, its config and a batch of training."""
    import tensorflow as tf

    from aac_tf.build import build_model, build_spec
    from aac_tf.config import load_config
    from aac_tf.models.loss import position_weights
    from aac_tf.training.trainer import compile_model

    rows, seconds, units, vocabulary = SIZES[size]
    # Without dropout, so that losses can be compared.
    config = load_config(path, [f"encoder.units={units}", "encoder.dropout=0", "decoder.dropout=0", *overrides])
    tf.keras.utils.set_random_seed(0)
    spec = build_spec(config)
    normalization = ([0.0] * spec.num_bins, [1.0] * spec.num_bins) if config.audio.normalize else None
    model = build_model(config, vocabulary, normalization, precision=config.training.precision)
    compile_model(model, config.training)
    frames, words = spec.output_length(seconds * spec.sample_rate), config.vocabulary.max_words + 1
    tokens = tf.random.stateless_uniform([rows, words], [1, 2], maxval=vocabulary, dtype=tf.int32)
    inputs = {
        "features": tf.random.stateless_normal([rows, frames, spec.num_bins], [3, 4]),
        "length": tf.fill([rows], frames),
        "tokens": tokens,
    }
    return config, model, (inputs, tokens, position_weights(tokens, tf.fill([rows], words), rows * words))


def training(path, size, turns, *overrides):
    """A training step: seconds, the first loss, and whether cuDNN's ops were in the executed graph."""
    import tensorflow as tf

    _, model, batch = make_model(path, size, overrides)
    data = iter(tf.data.Dataset.from_tensors(batch).repeat())
    step = model.make_train_function()
    loss, ops = executed_ops(lambda: float(step(data)["loss"]))
    seconds = median_seconds(lambda: float(step(data)["loss"]), turns)
    return {"seconds": seconds, "loss": loss, "cudnn": any(op.startswith("CudnnRNN") for op in ops)}


def executed_ops(run):
    """The result of a function, and the types of the ops in the optimized graphs that it executed."""
    # `tf.summary.trace_on(graph=True)` collects the same, but only writes it to a file.
    from tensorflow.python.eager import context

    context.enable_run_metadata()
    result = run()
    metadata = context.export_run_metadata()
    context.disable_run_metadata()
    graphs = list(metadata.partition_graphs)
    for function in metadata.function_graphs:
        graphs += [*function.partition_graphs, function.post_optimization_graph]
    nodes = [node for graph in graphs for node in graph.node]
    nodes += [node for graph in graphs for function in graph.library.function for node in function.node_def]
    return result, {node.op for node in nodes}


def captions(path, size, turns):
    """Captions of a batch by beam search, from features to words."""
    from aac_tf.inference.graphs import encode_function, search_function
    from aac_tf.text import WordTokenizer

    import tensorflow as tf  # isort: skip

    from aac_tf.build import build_search

    config, model, (inputs, *_) = make_model(path, size, [])
    words = [f"word{index}" for index in range(SIZES[size][-1] - 4)]
    tokenizer = WordTokenizer(["<PAD>", "<START>", "<END>", "<UNK>", *words], config.vocabulary.max_words)
    encode = encode_function(model, inputs["features"].shape[-1])
    search = search_function(model, tokenizer, build_search(config))
    start = tf.fill(inputs["length"].shape, tokenizer.start_id)

    def run():
        return search(*encode(inputs["features"], inputs["length"]), start=start).tokens.numpy()

    return {"seconds": median_seconds(run, turns)}


def yamnet(_, size, turns):
    """YAMNet's embeddings of a batch of clips, from spectrogram to embedding."""
    import tensorflow as tf

    from aac_tf.audio import YAMNET
    from aac_tf.embeddings import EmbeddingError, YamnetEmbedder

    rows, seconds, *_ = SIZES[size]
    try:
        embedder = YamnetEmbedder()
    except EmbeddingError as error:
        return {"missing": str(error).splitlines()[0]}
    embed = tf.function(lambda spectrogram: embedder(spectrogram)[0], autograph=False)
    frames = tf.random.stateless_normal([rows, YAMNET.output_length(seconds * YAMNET.sample_rate), 64], [1, 2])
    return {"seconds": median_seconds(lambda: embed(frames).numpy(), turns)}


def torch_training(path, size, turns):
    """A training step of the encoder's layers in PyTorch: forward, backward and Adam."""
    try:
        import torch
    except ImportError:
        return {"missing": "PyTorch is not installed"}
    from aac_tf.build import build_spec
    from aac_tf.config import load_config

    config = load_config(path)
    rows, seconds, units, _ = SIZES[size]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    spec, encoder = build_spec(config), config.encoder
    layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[encoder.cell]
    widths = [spec.num_bins] + [2 * units] * (encoder.layers - 1)
    layers = torch.nn.ModuleList(layer(width, units, batch_first=True, bidirectional=True) for width in widths)
    layers.to(device)
    optimizer = torch.optim.Adam(layers.parameters())
    features = torch.randn(rows, spec.output_length(seconds * spec.sample_rate), spec.num_bins, device=device)

    def run():
        hidden = features
        for index, one in enumerate(layers):
            hidden = hidden[:, :: encoder.subsampling] if index else hidden
            output = one(hidden)[0]
            hidden = output + hidden if index and encoder.residual else output
        optimizer.zero_grad()
        loss = hidden.square().mean()
        loss.backward()
        optimizer.step()
        return float(loss)  # waits for the device

    return {"seconds": median_seconds(run, turns)}


def encoder_training(path, size, turns):
    """The same step with our encoder."""
    import tensorflow as tf

    _, model, (inputs, *_) = make_model(path, size, [])
    optimizer, encoder = tf.keras.optimizers.Adam(), model.encoder

    @tf.function(autograph=False)
    def step(features, length):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(encoder(features, length, training=True)[0]))
        weights = encoder.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return loss

    return {"seconds": median_seconds(lambda: float(step(inputs["features"], inputs["length"])), turns)}


XLA = ["training.xla=true", "data.static_shapes=true"]
ROWS = [
    *[
        (f"training step, {pathlib.Path(path).stem}{name}", training, path, overrides)
        for path in CONFIGS
        for name, overrides in (
            ("", []),
            (", bfloat16", ["training.precision=bfloat16"]),
            (", float16", ["training.precision=float16"]),
            (", XLA", XLA),
        )
    ],
    *[(f"captions, {pathlib.Path(path).stem}", captions, path, []) for path in CONFIGS],
    ("YAMNet", yamnet, CONFIGS[0], []),
    *[
        (f"encoder's training step, {pathlib.Path(path).stem}{name}", task, path, [])
        for path in CONFIGS
        for name, task in (("", encoder_training), (", PyTorch", torch_training))
    ],
]


def in_process(index, device, size, turns):
    """Measures a row in a new process that sees the GPU or does not."""
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="2", TF_FORCE_GPU_ALLOW_GROWTH="true")
    if device == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = "-1"
    command = [sys.executable, __file__, "--one", str(index), "--size", size, "--turns", str(turns)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        return {"missing": (done.stderr.strip().splitlines() or ["no message"])[-1][:200]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def describe(found):
    """Seconds, or why there are none."""
    return f"{1000 * found['seconds']:.1f}" if "seconds" in found else "-"


def table(results, devices):
    """The Markdown table of results {row: {device: result}}, with the checks below it."""
    lines = ["| | " + " | ".join(f"{device}, ms" for device in devices) + (" | ratio |" if len(devices) > 1 else " |")]
    lines.append("| --- |" + " ---: |" * (len(devices) + (len(devices) > 1)))
    for name, found in results.items():
        cells = [describe(found[device]) for device in devices]
        if len(devices) > 1:
            both = all("seconds" in found[device] for device in devices)
            cells.append(f"{found[devices[1]]['seconds'] / found[devices[0]]['seconds']:.1f}" if both else "-")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    notes = []
    for name, found in results.items():
        notes += [f"{name}: {one['missing']}" for one in found.values() if "missing" in one]
    return "\n".join([*lines, "", *dict.fromkeys(notes), *checks(results, devices)])


def checks(results, devices):
    """Lines that tell whether cuDNN and XLA are used, and whether the devices agree."""
    first, lines = devices[0], []
    for path in CONFIGS:
        name = f"training step, {pathlib.Path(path).stem}"
        found, compiled = results[name], results[f"{name}, XLA"]
        if "loss" not in found[first]:
            lines.append(f"{name}: FAILED")
            continue
        if first == "gpu":
            lines.append(f"{name}: cuDNN {'used' if found[first]['cudnn'] else 'NOT USED'}")
            if "loss" in found["cpu"]:
                lines.append(f"{name}: loss {agreement(found['gpu']['loss'], found['cpu']['loss'])} that of the CPU")
        if "loss" in compiled[first]:
            agreed = agreement(compiled[first]["loss"], found[first]["loss"])
            lines.append(f"{name}: XLA compiled, loss {agreed} that without XLA")
        else:
            lines.append(f"{name}: XLA FAILED")
    return lines


def agreement(loss, other):
    """Whether two losses are equal to 0.1 %."""
    return "equals" if abs(loss - other) <= 1e-3 * abs(other) else f"DIFFERS ({loss:.5f}, {other:.5f}) from"


def has_gpu():
    """Whether TensorFlow sees a GPU, asked in another process so that this one holds no memory of it."""
    code = "import tensorflow as tf; print(len(tf.config.list_physical_devices('GPU')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return done.returncode == 0 and int(done.stdout.strip().splitlines()[-1]) > 0


def main():
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["gpu", "cpu"], default="gpu")
    parser.add_argument("--size", choices=sorted(SIZES), help="default: full, and small with --device cpu")
    parser.add_argument("--turns", type=int, help="default: 5, and 1 with --device cpu")
    parser.add_argument("--output", help="Markdown file to write")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        _, task, path, overrides = ROWS[options.one]
        print(json.dumps(task(path, options.size, options.turns, *overrides)))
        return 0
    if options.device == "gpu" and not has_gpu():
        print("TensorFlow sees no GPU here; --device cpu tests this script without one", file=sys.stderr)
        return 1
    devices = ["gpu", "cpu"] if options.device == "gpu" else ["cpu"]
    size = options.size or ("full" if options.device == "gpu" else "small")
    turns = options.turns or (5 if options.device == "gpu" else 1)
    results = {}
    for index, (name, *_) in enumerate(ROWS):
        results[name] = {device: in_process(index, device, size, turns) for device in devices}
        print(name, *(f"{device} {describe(found)} ms" for device, found in results[name].items()), flush=True)
    text = table(results, devices)
    print(f"\n{text}")
    if options.output:
        pathlib.Path(options.output).write_text(f"{text}\n", encoding="utf-8")
    return 1 if any(problem in text for problem in ("FAILED", "NOT USED", "DIFFERS")) else 0


if __name__ == "__main__":
    sys.exit(main())
