"""Cost of a frozen encoder per epoch: computed in every epoch, read from the store, and not present at all.

    python benchmarks/embedding_store.py embedding.source=yamnet.npz

Trains configs/clotho_yamnet.yaml for a few epochs on composed scenes of 15 to 30 s, the length of Clotho's clips: with
data.embedding_store=off; on, first with an empty folder; and on with the embeddings in memory, which leaves only the
rest of the model. Prints the time of the fastest epoch, including validation, and the time before the first epoch, in
which the store is filled. (The same model on spectrograms has 48 times as many steps, so it is not a baseline.)
"""

import argparse
import pathlib
import shutil
import time

from aac_tf.config import load_config
from aac_tf.data.preparation import prepare_dataset
from aac_tf.runs.run import Run
from aac_tf.training.trainer import train

ROWS = {
    "YAMNet in every epoch (off)": ["data.embedding_store=off"],
    "YAMNet, store filled (on)": ["data.embedding_store=on"],
    "YAMNet, store reused (on)": ["data.embedding_store=on"],
    "store in memory: model without YAMNet": ["data.embedding_store=on", "data.cache=memory"],
}


def main():
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="configs/clotho_yamnet.yaml")
    parser.add_argument("--runs", default="runs/embedding_store", help="folder for scenes, embeddings and runs")
    parser.add_argument("--clips", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    options = parser.parse_intermixed_args()
    runs = pathlib.Path(options.runs)
    shutil.rmtree(runs, ignore_errors=True)
    shared = [
        "data.source=scenes",
        f"data.root={runs / 'scenes'}",
        f"data.embedding_folder={runs / 'embeddings'}",
        f"scenes.train={options.clips}",
        "scenes.validation=8",
        "scenes.test=1",
        "scenes.min_seconds=15",
        "scenes.max_seconds=30",
        "vocabulary.min_count=1",
        "training.samples=0",
        f"training.epochs={options.epochs}",
        *options.overrides,
    ]
    prepare_dataset(load_config(options.config, shared))
    lines = ["| | before the first epoch, s | epoch, s |", "| --- | ---: | ---: |"]
    for number, (name, own) in enumerate(ROWS.items()):
        began = time.perf_counter()
        epochs = [
            float(row["seconds"]) for row in train(load_config(options.config, shared + own), Run(runs / str(number)))
        ]
        before = time.perf_counter() - began - sum(epochs)
        lines.append(f"| {name} | {before:.1f} | {min(epochs):.2f} |")
        print(lines[-1], flush=True)
    print("\n" + "\n".join(lines))


if __name__ == "__main__":
    main()
