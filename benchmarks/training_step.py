"""Time of a training step on stored embeddings.

    python benchmarks/training_step.py [--config everyday] [key=value ...]

Trains on random embeddings of 10 s with captions of random words; how many captions a clip has and how long they are is
distributed as in the composed scenes of configs/everyday.yaml, from 1 to 5 captions of up to 20 words. Prints the wall
and CPU time of a step, the medians of the turns, and the loss after them.
"""

import argparse
import statistics
import time

import numpy as np

from aac_tf.build import build_model
from aac_tf.config import load_config
from aac_tf.data.pipeline import Examples, training_batches
from aac_tf.data.regularization import Regularization
from aac_tf.training.trainer import compile_model

import tensorflow as tf  # isort: skip

VOCABULARY, STEPS, WIDTH, MAX_WORDS = 1283, 20, 1024, 20
# Clips with 1 to 5 captions, in percent.
CAPTIONS = [46, 9, 5, 3, 37]


class RandomFeatures:
    """Random embeddings of clips, with the attributes of `MemoryFeatures`."""

    def __init__(self, clips):
        self.lengths, self.bins = np.full(clips, STEPS), WIDTH
        self._values = tf.random.stateless_uniform([clips, STEPS, WIDTH], [1, 2])

    def load(self, index):
        """See `FileFeatures.load`."""
        return self._values[index]


def make_examples(clips):
    """Makes `Examples` of random captions."""
    random = np.random.default_rng(0)
    captions = random.choice(5, clips, p=np.array(CAPTIONS) / 100) + 1
    counts = np.minimum(2 + random.gamma(4.0, 1.5, [clips, 5]).astype(int), MAX_WORDS) + 2
    counts[np.arange(5) >= captions[:, np.newaxis]] = 0
    # Frequencies as of words.
    tokens = (3 + (VOCABULARY - 3) * random.random([clips, 5, MAX_WORDS + 2]) ** 4).astype(np.int32)
    places = np.arange(MAX_WORDS + 2)
    tokens = np.where(
        places < counts[..., np.newaxis] - 1, tokens, np.where(places == counts[..., np.newaxis] - 1, 2, 0)
    )
    tokens[..., 0] = 1
    return Examples(np.arange(clips), tokens.astype(np.int32), counts.astype(np.int32))


def main():
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="everyday")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--steps", type=int, default=10, help="training steps of a turn")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    options = parser.parse_args()
    config = load_config(options.config, options.overrides)
    tf.keras.utils.set_random_seed(0)
    training = config.training
    model = build_model(config, VOCABULARY, bins=WIDTH, precision=training.precision)
    compile_model(model, training)
    clips = training.batch_size * options.steps
    batches = training_batches(
        make_examples(clips),
        RandomFeatures(clips),
        [STEPS],
        training.batch_size,
        static_shapes=config.data.static_shapes,
        regularization=Regularization(mixup=training.mixup) if training.mixup else None,
    )
    words = [(weights.shape, int(tf.math.count_nonzero(weights))) for *_, weights in batches.take(options.steps)]
    print(
        f"{np.mean([np.prod(shape) for shape, _ in words]):.0f} positions, {np.mean([n for _, n in words]):.0f} words"
    )
    iterator = iter(batches)
    train = model.make_train_function()
    times = []
    for turn in range(options.turns + 1):
        began, cpu = time.perf_counter(), time.process_time()
        for _ in range(options.steps):
            loss = train(iterator)["loss"].numpy()
        if turn:  # the first turn traces
            times.append(((time.perf_counter() - began) / options.steps, (time.process_time() - cpu) / options.steps))
        else:
            print(f"first {options.steps} steps: {time.perf_counter() - began:.1f} s")
    wall, cpu = (1000 * statistics.median(values) for values in zip(*times, strict=True))
    print(f"{config.name} {' '.join(options.overrides)}: {wall:.0f} ms a step, {cpu:.0f} ms of CPU, loss {loss:.4f}")


if __name__ == "__main__":
    main()
