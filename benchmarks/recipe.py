"""What each ingredient of the training recipe brings, one at a time, and all that help together.

    python benchmarks/recipe.py --config everyday data.root=runs/everyday-scenes data.max_clips=4000

Trains a config whose data have events, such as composed scenes, for each ingredient and seed, with the same number of
epochs, and prints two Markdown tables: the scores on the test split, mean and standard deviation over the seeds; and
the difference from the plain recipe with its 95 % confidence interval, paired by seed (Student's t). An interrupted
benchmark continues where it stopped.
"""

import argparse

from grid import SCORES, contrast, run_grid, table

PLAIN = "papers' recipe"
INGREDIENTS = {
    "EMA": ["training.ema=0.999"],
    "cosine": ["training.schedule=cosine", "training.warmup_steps=100"],
    "weight decay": ["training.weight_decay=0.01"],
    "label smoothing": ["training.label_smoothing=0.1"],
    "mixup": ["training.mixup=0.4"],
    "masked embeddings": ["embedding_specaugment.probability=0.5"],
    "word dropout": ["training.word_dropout=0.1"],
    "scheduled sampling": ["training.scheduled_sampling=0.25"],
    "transformer": [
        *("encoder.kind=linear", "encoder.positions=true", "encoder.dropout=0.2"),
        *("decoder.kind=transformer", "decoder.layers=2", "decoder.feedforward=512"),
    ],
    "bfloat16": ["training.precision=bfloat16"],
}
TOGETHER = "together"


def main():
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="everyday")
    parser.add_argument("--runs", default="runs/recipe", help="folder for the runs")
    parser.add_argument("--ingredients", nargs="+", choices=list(INGREDIENTS), default=list(INGREDIENTS))
    parser.add_argument("--together", nargs="*", choices=list(INGREDIENTS), default=[], help="those to combine")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    options = parser.parse_intermixed_args()
    cells = {PLAIN: [], **{name: INGREDIENTS[name] for name in options.ingredients}}
    if options.together:
        cells[TOGETHER] = [key for name in options.together for key in INGREDIENTS[name]]
    results = run_grid(options.config, options.overrides, cells, options.seeds, options.runs)
    print("\n" + table(results, "recipe") + "\n")
    print("| against the plain recipe | " + " | ".join(SCORES) + " |\n| --- |" + " ---: |" * len(SCORES))
    for name in list(cells)[1:]:
        changes = contrast(results, [name], [PLAIN]).values()
        print(f"| {name} | " + " | ".join(f"{mean:+.3f} ± {half:.3f}" for mean, half in changes) + " |")


if __name__ == "__main__":
    main()
