"""Time and peak memory of training steps.

    python benchmarks/training_memory.py [--config configs/dcase2020.yaml] [key=value ...]
    python benchmarks/training_memory.py --vary training.microbatch=null training.microbatch=8

Each row is measured in a process of its own, for its own peak of resident memory: steps on batches of clips of 15 to
30 s, one batch for each length bucket as in training on Clotho, with captions of the maximum length. Time is that of
all steps after the first round, which compiles.
"""

import argparse
import itertools
import json
import resource
import statistics
import subprocess
import sys
import time

BUCKETS = [(15, 18), (18, 21), (21, 24), (24, 27), (27, 30)]
VOCABULARY = 4367


def make_batches(config, rows):
    """One training batch for each bucket."""
    import tensorflow as tf

    from aac_tf.build import build_spec
    from aac_tf.models.loss import position_weights

    spec, words, batches = build_spec(config), config.vocabulary.max_words + 1, []
    for index, bucket in enumerate(BUCKETS):
        shortest, longest = (spec.output_length(seconds * spec.sample_rate) for seconds in bucket)
        length = tf.cast(tf.linspace(shortest, longest, rows), tf.int32)
        shape = [rows, words] if config.data.captions_per_clip == "one" else [rows, 5, words]
        tokens = tf.random.stateless_uniform(shape, [index, 1], maxval=VOCABULARY, dtype=tf.int32)
        inputs = {
            "features": tf.random.stateless_normal([rows, longest, spec.num_bins], [index, 2]),
            "length": length,
            "tokens": tokens,
        }
        counts = tf.random.stateless_uniform(shape[:-1], [index, 3], words // 2, words + 1, tf.int32)
        batches.append((inputs, tokens, position_weights(tokens, counts, tf.size(tokens))))
    return batches


def measure(config, overrides, rounds):
    """Trains; returns a dict of the median seconds of a round of batches, the peak of memory in MB, and the loss."""
    from aac_tf.build import build_model
    from aac_tf.config import load_config

    import tensorflow as tf  # isort: skip

    from aac_tf.training.trainer import compile_model

    config = load_config(config, overrides)
    tf.keras.utils.set_random_seed(0)
    model = build_model(config, VOCABULARY, precision=config.training.precision)
    compile_model(model, config.training)
    batches = make_batches(config, config.training.batch_size)
    # An iterator of unknown shapes, so that the step is traced once.
    signature = tf.nest.map_structure(
        lambda value: tf.TensorSpec(
            [None, *(None if axis == 1 else size for axis, size in enumerate(value.shape) if axis)], value.dtype
        ),
        batches[0],
    )
    data = iter(tf.data.Dataset.from_generator(lambda: itertools.cycle(batches), output_signature=signature))
    step = model.make_train_function()
    times, cpu = [], []
    for turn in range(rounds + 1):
        began, used = time.perf_counter(), time.process_time()
        losses = [float(step(data)["loss"]) for _ in batches]
        if turn:
            times.append(time.perf_counter() - began)
            cpu.append(time.process_time() - used)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return {
        "seconds": statistics.median(times) / len(batches),
        "cpu": statistics.median(cpu) / len(batches),
        "peak": peak,
        "loss": sum(losses) / len(losses),
    }


def main():
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="configs/clotho_logmel.yaml")
    parser.add_argument("--rounds", type=int, default=2, help="measured turns through the buckets")
    parser.add_argument("--repeats", type=int, default=1, help="processes for each row; they alternate")
    parser.add_argument("--vary", nargs="+", default=[""], metavar="key=value", help="one row for each")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    options = parser.parse_intermixed_args()
    if options.one:
        print(json.dumps(measure(options.config, options.overrides, options.rounds)))
        return
    command = [sys.executable, __file__, "--one", "--config", options.config, "--rounds", str(options.rounds)]
    found = {key: [] for key in options.vary}
    for _ in range(options.repeats):
        for key, results in found.items():
            arguments = [*command, *options.overrides, *([key] if key else [])]
            done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=True)
            results.append(json.loads(done.stdout.strip().splitlines()[-1]))
    print("| | step, s | CPU, s | peak, MB | loss |\n| --- |" + " ---: |" * 4)
    for key, results in found.items():
        seconds, cpu, peak, loss = (
            statistics.median(result[name] for result in results) for name in ("seconds", "cpu", "peak", "loss")
        )
        print(f"| {key or '-'} | {seconds:.2f} | {cpu:.2f} | {peak:.0f} | {loss:.5f} |", flush=True)


if __name__ == "__main__":
    main()
