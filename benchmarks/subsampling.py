"""What sub-sampling costs and what it saves: the demo's model with M = 1, 2, 4, 8, in one run.

    python benchmarks/subsampling.py

Trains configs/demo.yaml once for each factor, with the same data, seed and number of epochs, scores captions of the
test scenes, and prints a Markdown table. `training` is the sum of the epochs, validation included, but for the first,
which also compiles; `captioning` is the second of two passes over the test scenes' files, with the config's beam.
"""

import argparse
import pathlib
import time

from aac_tf.build import build_clips
from aac_tf.config import load_config
from aac_tf.evaluation.evaluator import evaluate, write_evaluation
from aac_tf.inference import Captioner
from aac_tf.run import Run
from aac_tf.training.trainer import train

SCORES = ("event_f1", "order_accuracy", "bleu_4", "cider", "meteor")


def measure(config, folder):
    """Trains and scores one model; returns its row of the table."""
    run = Run(folder)
    rows = train(config, run)
    captioner = Captioner.load(folder)
    result = evaluate(captioner, config, "test")
    write_evaluation(result, folder)
    paths = [clip.path for clip in build_clips(config, "test")]
    began = time.perf_counter()
    captioner.caption(paths)
    captioning = (time.perf_counter() - began) / len(paths)
    training = sum(float(row["seconds"]) for row in rows[1:])
    scores = [f"{result.corpus[name]:.3f}" for name in SCORES]
    return [str(config.encoder.subsampling), *scores, f"{training:.0f}", f"{1000 * captioning:.1f}"]


def main():
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="configs/demo.yaml")
    parser.add_argument(
        "--runs", default="runs/subsampling", help="folder for the runs, one M{factor} each; must be new"
    )
    parser.add_argument("--factors", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    options = parser.parse_intermixed_args()
    header = ["M", *SCORES, "training, s", "captioning, ms/clip"]
    table = ["| " + " | ".join(header) + " |", "|" + " ---: |" * len(header)]
    for factor in options.factors:
        config = load_config(options.config, [*options.overrides, f"encoder.subsampling={factor}"])
        row = measure(config, pathlib.Path(options.runs) / f"M{factor}")
        table.append("| " + " | ".join(row) + " |")
        print(table[-1], flush=True)
    print("\n" + "\n".join(table))


if __name__ == "__main__":
    main()
