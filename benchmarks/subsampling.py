"""What sub-sampling costs and what it saves, with attention and with one fixed vector.

    python benchmarks/subsampling.py [training.lr_patience=2] [--decoders attention fixed_vector] [--seeds 0 1 2]

Trains a config (the demo's) once for each decoder, factor and seed, with the same data and number of epochs, scores
captions of the test scenes, and prints a Markdown table: mean and standard deviation over the seeds, the least time of
an epoch, validation included, and of a caption with the config's beam, from file to words. Stopped, it goes on where
it was.
"""

import argparse

from grid import LISTENING, run_grid, table

DECODERS = ("attention", "fixed_vector")


def main():
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="configs/demo.yaml")
    parser.add_argument("--runs", default="runs/subsampling", help="folder for the runs")
    parser.add_argument("--decoders", nargs="+", choices=DECODERS, default=["attention"])
    parser.add_argument("--factors", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    options = parser.parse_intermixed_args()
    cells = {
        f"{decoder}, M = {factor}": [f"decoder.kind={decoder}", f"encoder.subsampling={factor}"]
        for decoder in options.decoders
        for factor in options.factors
    }
    results = run_grid(options.config, options.overrides, cells, options.seeds, options.runs)
    print("\n" + table(results, "decoder") + "\n\n" + table(results, "decoder", LISTENING))


if __name__ == "__main__":
    main()
