"""Comparison of front ends and sub-sampling factors on scenes of real recordings.

    python benchmarks/front_ends.py embedding.source=yamnet.npz --bank ESC-50 [ESC-10 ...]

Composes scenes from the recordings of one or more folders (each with a CSV file of file_name,category; no recording is
in two splits), trains configs/esc_scenes.yaml for each front end, factor and seed with the same number of epochs, and
prints two Markdown tables: the mean and standard deviation of the scores over the seeds with the minimum times of an
epoch and a caption; and how much attention the words pay to the sounds that they name. An interrupted benchmark
continues where it stopped.
"""

import argparse
import pathlib

from grid import ATTENTION_SCORES, join_banks, run_grid, table

FRONT_ENDS = {
    "log-mel": ["audio.sample_rate=16000", "audio.normalize=true", "specaugment.probability=0"],
    "YAMNet": ["embedding.kind=yamnet", "specaugment.probability=0"],
    "YAMNet + SpecAugment": ["embedding.kind=yamnet"],
}


def main():
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", nargs="+", required=True, help="folders of labelled recordings")
    parser.add_argument("--config", default="configs/esc_scenes.yaml")
    parser.add_argument("--runs", default="runs/front_ends", help="folder for scenes and runs")
    parser.add_argument("--front-ends", nargs="+", choices=list(FRONT_ENDS), default=list(FRONT_ENDS))
    parser.add_argument("--factors", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    options = parser.parse_intermixed_args()
    runs = pathlib.Path(options.runs)
    shared = [*join_banks(options.bank, runs), *options.overrides]
    cells = {
        f"{name}, M = {factor}": [*FRONT_ENDS[name], f"encoder.subsampling={factor}"]
        for name in options.front_ends
        for factor in options.factors
    }
    results = run_grid(options.config, shared, cells, options.seeds, runs)
    print("\n" + table(results, "front end") + "\n\n" + table(results, "front end", ATTENTION_SCORES))


if __name__ == "__main__":
    main()
