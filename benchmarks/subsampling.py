r"""Effect of sub-sampling on scores and speed, for the attention decoder and for the fixed-vector decoder.

    python benchmarks/subsampling.py [training.epochs=12] [--decoders attention fixed_vector] [--seeds 0 1 2]
    python benchmarks/subsampling.py --config configs/esc_scenes.yaml --bank ESC-10 ESC-50 --runs runs/real \
        embedding.kind=yamnet specaugment.probability=0

Trains a config (by default the demo) for each decoder, factor and seed, with the same data and number of epochs, scores
captions of the test scenes, and prints Markdown tables: the mean and standard deviation of the scores over the seeds,
with the minimum times of an epoch, including validation, and of a caption, from file to words; how much attention the
words pay to the sounds that they name; and the changes of the scores compared with the first factor, and their
difference between the decoders, with 95 % confidence intervals over the seeds. With --bank, the scenes are composed of
real recordings (folders, each with a CSV file of file_name,category). An interrupted benchmark continues where it
stopped.
"""

import argparse
import itertools

from grid import ATTENTION_SCORES, SCORES, contrast, join_banks, run_grid, table

DECODERS = ("attention", "fixed_vector")


def gains(results, decoders, factors):
    """Lines of a Markdown table: changes of scores from the first factor, and their difference between decoders."""
    lines = ["| gain | " + " | ".join(SCORES) + " |", "| --- |" + " ---: |" * len(SCORES)]
    first, *others = factors

    def add(name, plus, minus):
        found = contrast(results, plus, minus)
        lines.append(f"| {name} | " + " | ".join(f"{mean:+.3f} ± {half:.3f}" for mean, half in found.values()) + " |")

    for decoder, factor in itertools.product(decoders, others):
        add(f"{decoder}, M = {first} to {factor}", [cell(decoder, factor)], [cell(decoder, first)])
    if set(decoders) == set(DECODERS):
        attention, fixed = DECODERS
        for factor in others:
            plus = [cell(attention, factor), cell(fixed, first)]
            add(
                f"attention minus fixed_vector, M = {first} to {factor}",
                plus,
                [cell(attention, first), cell(fixed, factor)],
            )
    return lines


def cell(decoder, factor):
    """Name of a row."""
    return f"{decoder}, M = {factor}"


def main():
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="configs/demo.yaml")
    parser.add_argument("--bank", nargs="+", help="folders of labelled recordings (default: the config's scenes)")
    parser.add_argument("--runs", default="runs/subsampling", help="folder for the runs, and for scenes of a bank")
    parser.add_argument("--decoders", nargs="+", choices=DECODERS, default=["attention"])
    parser.add_argument("--factors", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    options = parser.parse_intermixed_args()
    shared = [*(join_banks(options.bank, options.runs) if options.bank else ()), *options.overrides]
    cells = {
        cell(decoder, factor): [f"decoder.kind={decoder}", f"encoder.subsampling={factor}"]
        for decoder in options.decoders
        for factor in options.factors
    }
    results = run_grid(options.config, shared, cells, options.seeds, options.runs)
    print("\n" + table(results, "decoder"))
    if "attention" in options.decoders:  # the fixed vector is always the last step
        attending = {name: rows for name, rows in results.items() if name.startswith("attention")}
        print("\n" + table(attending, "decoder", ATTENTION_SCORES))
    if len(options.factors) > 1:
        print("\n" + "\n".join(gains(results, options.decoders, options.factors)))


if __name__ == "__main__":
    main()
