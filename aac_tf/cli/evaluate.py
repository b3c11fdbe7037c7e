"""`evaluate.py`: captions a split of a dataset with a trained run, and scores the captions."""

import json
import pathlib

from aac_tf.cli.console import PARTLY, make_parser, run_command

SPLITS = {"train": "train", "development": "train", "validation": "validation", "test": "test", "evaluation": "test"}


def main(arguments=None):
    """Parses and runs; returns the exit code."""
    parser = make_parser(
        "evaluate.py",
        "Caption a split with a trained run and score the captions (BLEU, ROUGE-L, METEOR, CIDEr; events of scenes).",
        "evaluate.py --run runs/demo --split test --beam 3",
    )
    parser.add_argument("--run", required=True, help="folder that train.py wrote")
    parser.add_argument("--split", default="test", choices=sorted(SPLITS), help="(default: test, Clotho's evaluation)")
    parser.add_argument("--beam", type=int, help="beam size; 1 is greedy search (default: the run's)")
    parser.add_argument("--output", help="folder for predictions.csv and metrics.json (default: the run's)")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print N captions beside the truth")
    parser.add_argument("--json", action="store_true", help="print the corpus scores as JSON")
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="config values, such as data.root=/data/clotho"
    )
    return run_command(_run, parser, arguments)


def _run(options, console):
    from aac_tf.config import load_config
    from aac_tf.evaluation.evaluator import evaluate, write_evaluation
    from aac_tf.inference import Captioner
    from aac_tf.run import Run

    run = Run(options.run)
    captioner = Captioner.load(options.run)
    config = load_config(run.config_path, options.overrides)
    split = SPLITS[options.split]
    result = evaluate(captioner, config, split, options.beam, progress=console.progress(f"Captioning {split}"))
    folder = pathlib.Path(options.output or options.run)
    write_evaluation(result, folder)
    for name, reason in result.left_out[:10]:
        console.show(f"  left out: {name}: {reason}")
    if options.json:
        print(json.dumps({"clips": len(result.captions), "left_out": len(result.left_out), "corpus": result.corpus}))
    else:
        _print_tables(config, split, result, options.show)
    console.show(f"wrote {folder / 'predictions.csv'} and {folder / 'metrics.json'}")
    if result.left_out:
        console.show(f"{len(result.left_out)} clips left out")
    return PARTLY if result.left_out else None


def _print_tables(config, split, result, show):
    from rich.console import Console as Terminal
    from rich.table import Table

    terminal = Terminal()
    table = Table(title=f"{config.name}, {split}: {len(result.captions)} clips")
    table.add_column("metric")
    table.add_column("score", justify="right")
    if config.paper:
        table.add_column("paper", justify="right")
    for name, score in result.corpus.items():
        paper = [f"{config.paper[name]:.3f}" if name in config.paper else ""] if config.paper else []
        table.add_row(name, f"{score:.3f}", *paper)
    terminal.print(table)
    for name, caption in list(result.captions.items())[:show]:
        terminal.print(f"\n{name}\n  heard: {caption.text}\n  truth: {result.references[name][0]}", highlight=False)
