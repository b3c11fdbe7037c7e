"""Time saved by encoding a clip once for all its captions.

    python benchmarks/captions_per_clip.py [--config configs/dcase2020.yaml]

Times training steps on the same 8 clips of 20 s with 5 captions of 10 words each: as 40 examples of one caption
(data.captions_per_clip=one) and as 8 clips (all). Both give the same loss and gradients, as the tests assert. The two
alternate in one process; the medians are compared.
"""

import argparse
import statistics
import time

from aac_tf.build import build_model, build_spec
from aac_tf.config import load_config

import tensorflow as tf  # isort: skip

CLIPS, CAPTIONS, WORDS, SECONDS, VOCABULARY = 8, 5, 10, 20, 1731


def main():
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="configs/clotho_logmel.yaml")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    config = load_config(options.config)
    spec = build_spec(config)
    model = build_model(config, VOCABULARY)
    model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), weighted_metrics=[])
    frames = spec.output_length(SECONDS * spec.sample_rate)
    features = tf.random.stateless_normal([CLIPS, frames, spec.num_bins], [1, 2])
    tokens = tf.random.stateless_uniform([CLIPS, CAPTIONS, WORDS + 1], [3, 4], maxval=VOCABULARY, dtype=tf.int32)

    def batch(features, tokens):
        inputs = {"features": features, "length": tf.fill([len(features)], frames), "tokens": tokens}
        return inputs, tokens, tf.ones(tokens.shape)

    batches = {
        "one": batch(tf.repeat(features, CAPTIONS, axis=0), tf.reshape(tokens, [CLIPS * CAPTIONS, -1])),
        "all": batch(features, tokens),
    }
    steps = {name: tf.function(lambda data=data: model.train_step(data)) for name, data in batches.items()}
    times = {name: [] for name in steps}
    for turn in range(options.repeats + 1):
        for name, step in steps.items():
            began = time.perf_counter()
            tf.nest.map_structure(lambda value: value.numpy(), step())
            if turn:  # the first turn traces
                times[name].append(time.perf_counter() - began)
    one, every = (statistics.median(times[name]) for name in ("one", "all"))
    print(
        f"{config.name}: one {one:.2f} s, all {every:.2f} s for {CLIPS * CAPTIONS} captions: {one / every:.1f}x faster"
    )


if __name__ == "__main__":
    main()
