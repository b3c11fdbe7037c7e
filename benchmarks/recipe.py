r"""What each ingredient of the training recipe brings, one at a time, and all that help together.

    python benchmarks/recipe.py data.root=runs/everyday-scenes data.max_clips=2400 \
        --together cosine "label smoothing" --captions audiocaps=clips/audiocaps_clips.csv

Trains S1's captioner on the embeddings of composed scenes, with its plain recipe, and with one ingredient more for each
row. All runs have the same number of epochs, and the last one is measured: on the validation scenes, and on recordings
of each `--captions`, a set of captions files in the layout that `real_recordings.py` reads. The recordings are for
measuring only. Prints tables like those of `scene_ablation.py`. An interrupted benchmark continues where it stopped.

    python benchmarks/recipe.py --config everyday data.root=runs/everyday-scenes data.max_clips=9600 \
        training.initial=everyday training.learning_rate=5e-5 training.epochs=1 training.batch_size=64 \
        training.mixup=0 embedding.normalize=true --ingredients self-critical

compares training on the score itself with as many more steps of cross-entropy.
"""

import argparse

from stored_grid import Grid, add_grid_arguments, show_tables

from aac_tf.cli.console import Console

PLAIN = "plain"
# Ten times S1's learning rate and half of its batch size: a few hundred steps teach hardly a word otherwise.
RECIPE = [
    *("data.source=scenes", "data.captions_per_clip=all", "data.cache=memory", "data.embedding_store='0'"),
    *("scenes.bank=null", "scenes.train=null", "specaugment.probability=0", "vocabulary.min_count=5"),
    *("training.learning_rate=1e-3", "training.schedule=constant", "training.monitor=loss", "training.batch_size=16"),
    *("training.epochs=6", "data.bucket_seconds=[5,7,9,11,14.5]"),
]
INGREDIENTS = {
    "cosine": ["training.schedule=cosine", "training.warmup_steps=50"],
    "EMA": ["training.ema=0.98"],
    "clipping": ["training.clip_norm=1"],
    "weight decay": ["training.weight_decay=0.01"],
    "dropout": ["encoder.dropout=0.2", "decoder.dropout=0.2"],
    "label smoothing": ["training.label_smoothing=0.1"],
    "mixup": ["training.mixup=0.2"],
    "normalized embeddings": ["embedding.normalize=true"],
    "masked embeddings": ["embedding_specaugment.probability=0.5"],
    "word dropout": ["training.word_dropout=0.1"],
    "scheduled sampling": ["training.scheduled_sampling=0.25"],
    "transformer": [
        *("encoder.kind=linear", "encoder.positions=true", "encoder.dropout=0.2"),
        *("decoder.kind=transformer", "decoder.layers=2", "decoder.feedforward=512", "decoder.dropout=0.2"),
    ],
}
# For runs that start from a trained one.
AFTERWARDS = {"self-critical": ["training.self_critical=0.9"]}
TOGETHER = "together"


def main(arguments=None):
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="clotho_yamnet", help="config of the papers' recipe")
    known = INGREDIENTS | AFTERWARDS
    parser.add_argument("--ingredients", nargs="+", choices=list(known), default=list(INGREDIENTS))
    parser.add_argument("--together", nargs="*", choices=list(known), default=[])
    add_grid_arguments(parser, "runs/recipe")
    options = parser.parse_intermixed_args(arguments)
    cells = {PLAIN: [], **{name: known[name] for name in options.ingredients}}
    if options.together:
        cells[TOGETHER] = [key for name in options.together for key in known[name]]
    grid = Grid(options.config, [*RECIPE, *options.overrides], cells, options.seeds, options.runs, options.jobs)
    root = grid.run_config(PLAIN, options.seeds[0]).data.root
    grid.train()
    results, counts = grid.measure(root, options.captions, Console().progress)
    for title, found in results.items():
        show_tables(title, counts[title], found, "recipe")


if __name__ == "__main__":
    main()
