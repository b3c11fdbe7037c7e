r"""What the composed scenes of a captioner bring: scripts, banks, rooms, styles and renderings, left out one at a time.

    python benchmarks/scene_ablation.py --bank sound_bank ESC-10 ESC-50 --grown derived \
        --scripts audiocaps=audiocaps/train.csv clotho=clotho/clotho_captions_development.csv \
        --captions audiocaps=clips/audiocaps_clips.csv \
        --captions clotho=clotho/clotho_captions_validation.csv clotho=clotho/clotho_captions_evaluation.csv

Composes the same number of training scenes for each variant of `scene_variants.py`, embeds them once, and trains a run
for each variant and seed. All runs caption the same validation scenes, which have human captions and sounds that no
variant trains on, and the recordings of each `--captions`, a set of captions files in the layout that
`real_recordings.py` reads. STYLE=FILE asks the runs that know this style for it. The recordings are for measuring
only: the last epoch of each run is measured.

For each set, a Markdown table has the mean and standard deviation of the scores over the seeds, and a second one the
differences from the base: paired by seed, with 95 % intervals by Student's t; and that of CIDEr again, of the mean over
the seeds, with its interval over the clips. An interrupted benchmark continues where it stopped; `--variants` and
`--seeds` measure only some runs. Overrides of the config, `key=value`, come before the other arguments.
"""

import argparse

from scene_variants import BASE, VARIANTS, Composer
from stored_grid import Grid, add_grid_arguments, show_tables

from aac_tf.cli.console import Console
from aac_tf.config import load_config

# The last epoch counts, since each variant would have its own validation scenes to choose one by.
TRAINING = [
    *("training.monitor=loss", "training.epochs=8", "training.warmup_steps=50", "training.ema=0.98"),
    *("decoding.style=null", "embedding.precision=bfloat16", "scenes.bank=null"),
]


def main(arguments=None):
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="everyday")
    parser.add_argument("--bank", nargs="+", required=True, help="folders of labelled recordings")
    parser.add_argument("--grown", nargs="*", default=[], help="folders that aac-bank made from them")
    parser.add_argument("--scripts", nargs="+", required=True, help="files of captions, FILE or STYLE=FILE")
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS), metavar="VARIANT")
    parser.add_argument("--scenes", type=int, default=3000, help="training scenes of each variant")
    parser.add_argument("--validation", type=int, default=300, help="validation scenes")
    add_grid_arguments(parser, "runs/scene_ablation")
    options = parser.parse_intermixed_args(arguments)
    overrides = [*TRAINING, *options.overrides]
    config = load_config(options.config, overrides)  # fails now, not after all scenes are composed
    progress = Console().progress
    composer = Composer(
        options.runs / "scenes",
        options.bank,
        options.grown,
        options.scripts,
        config.scenes,
        options.scenes,
        options.validation,
        progress,
    )
    names = [BASE, *(name for name in options.variants if name != BASE)]
    cells = {name: [f"data.root={composer.compose(name)}"] for name in names}
    scenes = composer.compose_validation()
    del composer  # and the sounds of its banks
    grid = Grid(options.config, overrides, cells, options.seeds, options.runs, options.jobs)
    grid.train()
    results, counts = grid.measure(scenes, options.captions, progress)
    for title, found in results.items():
        show_tables(title, counts[title], found, "scenes")


if __name__ == "__main__":
    main()
