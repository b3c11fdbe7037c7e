"""`evaluate.py`: scores captions, those of a trained run or those in a file."""

import json
import pathlib

from aac_tf.cli.console import FAILED, PARTLY, make_parser, run_command

SPLITS = {"train": "train", "development": "train", "validation": "validation", "test": "test", "evaluation": "test"}


def main(arguments=None):
    """Parses and runs; returns the exit code."""
    parser = make_parser(
        ("evaluate.py", "aac-evaluate"),
        "Score captions (BLEU, ROUGE-L, METEOR, CIDEr, SPICE, SPIDEr; events of scenes): those that a trained run\n"
        "gives a split, or those in a CSV of file_name,caption_predicted against one of file_name,caption_1,...",
        "evaluate.py --run runs/demo --split test --beam 3\n"
        "  evaluate.py --predictions mine.csv --references clotho_captions_evaluation.csv --confidence",
        partly=True,
    )
    parser.add_argument("--run", help="folder of the trained run")
    parser.add_argument("--split", default="test", choices=sorted(SPLITS), help="(default: test, Clotho's evaluation)")
    parser.add_argument("--beam", type=int, help="beam size; 1 is greedy search (default: the run's)")
    parser.add_argument("--predictions", metavar="CSV", help="captions to score in place of a run's")
    parser.add_argument("--references", metavar="CSV", help="what people wrote about the same files")
    parser.add_argument("--partial", action="store_true", help="score --predictions that lack some of the files, too")
    parser.add_argument(
        "--metrics",
        nargs="+",
        metavar="NAME",
        help="bleu rouge_l meteor cider spice spider (default: all there can be)",
    )
    parser.add_argument(
        "--attention", action="store_true", help="of scenes: how much attention lies on the sound that a word names"
    )
    parser.add_argument("--confidence", action="store_true", help="95%% intervals of the scores, by bootstrap")
    parser.add_argument("--versus", metavar="CSV", help="compare with other predictions of the same files, in pairs")
    parser.add_argument(
        "--output",
        help="folder for a run's predictions.csv and metrics.json (default: the run's), of another split than test "
        "called predictions-SPLIT.csv and metrics-SPLIT.json; file for the scores of --predictions, as JSON with those "
        "of each item",
    )
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print N captions beside the truth")
    parser.add_argument("--json", action="store_true", help="print the corpus scores as JSON")
    parser.add_argument(
        "--fetch-spice",
        nargs="?",
        const="",
        metavar="URL",
        help="download what SPICE needs, once (Stanford CoreNLP, about 390 MB, from Maven Central or a copy of it)",
    )
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="key=value",
        help="config values that training left open, such as data.root=/data/clotho",
    )
    return run_command(_run, parser, arguments)


def _run(options, console):
    _check_options(options)
    if options.fetch_spice is not None:
        _fetch_spice(options.fetch_spice, console)
        if not options.run and not options.predictions:
            return None
    result, title, paper = (_evaluate_run if options.run else _evaluate_files)(options, console)
    written = _write(result, options)  # before anything else can go wrong
    if options.confidence or options.versus:
        _weigh(result, options)
        _write(result, options)
    for name, reason in result.left_out[:10]:
        console.show(f"  left out: {name}: {reason}")
    if options.json:
        print(json.dumps(result.summary()))
    else:
        from aac_tf.cli.score_tables import print_scores

        print_scores(result, title, paper, options.show)
    missing = result.scores.not_computed
    for name, reason in missing.items():
        if name != "spider" or "spice" not in missing:  # it would say the same again
            console.show(f"{name} was not computed: {reason}")
    if written:
        console.show(f"wrote {' and '.join(map(str, written))}")
    if result.left_out:
        console.show(f"{len(result.left_out)} clips left out")
    return _exit_code(result)


def _check_options(options):
    # `--metrics` takes all words up to the next flag, also config values that come last.
    words = [word for text in options.metrics or [] for word in text.split(",") if word]
    options.overrides += [word for word in words if "=" in word]
    options.metrics = [word for word in words if "=" not in word] if options.metrics else None
    if options.run and (options.predictions or options.references):
        raise ValueError("--run captions clips itself: give either --run, or --predictions and --references")
    if options.attention and not options.run:
        raise ValueError("--attention goes with --run: a file of captions does not say where they were heard")
    if options.beam is not None and not options.run:
        raise ValueError("--beam goes with --run: a file's captions are there already")
    if options.partial and options.run:
        raise ValueError("--partial goes with --predictions: a run captions all files itself")
    if bool(options.predictions) != bool(options.references):
        raise ValueError("--predictions and --references belong together")
    if not (options.run or options.predictions or options.fetch_spice is not None):
        raise ValueError("nothing to score: give --run RUN, or --predictions CSV --references CSV")
    if options.overrides and not options.run:
        raise ValueError(f"{options.overrides[0]}: config values, or other words, go with --run only")


def _fetch_spice(source, console):
    from aac_tf.evaluation.java.spice_files import fetch_corenlp

    bars = {}

    def progress(name, done, total):
        bars.setdefault(name, console.progress(f"{name}, kB"))(done // 1000, total // 1000)

    console.show(f"SPICE's files are in {fetch_corenlp(source, progress)}")


def _evaluate_run(options, console):
    from aac_tf.evaluation.evaluator import evaluate
    from aac_tf.evaluation.metrics import check_metrics
    from aac_tf.inference.captioner import Captioner

    check_metrics(options.metrics)
    captioner = Captioner.load(options.run, options.overrides)
    config = captioner.config
    split = SPLITS[options.split]
    result = evaluate(captioner, config, split, options.beam, options.metrics, console.progress, options.attention)
    return result, f"{config.name}, {split}", config.paper


def _evaluate_files(options, console):
    from aac_tf.evaluation.evaluator import Evaluation
    from aac_tf.evaluation.metrics import compute_scores
    from aac_tf.evaluation.prediction_files import match_predictions, read_predictions, read_references

    references = read_references(options.references)
    captions = read_predictions(options.predictions)
    captions, missing = match_predictions(captions, references, options.partial, options.predictions)
    scores = compute_scores(captions, references, options.metrics, console.progress("Scoring"))
    left_out = [(name, "has no prediction") for name in missing]
    result = Evaluation(captions, references, scores.corpus(), scores.per_item(), left_out, scores)
    return result, pathlib.Path(options.predictions).name, {}


def _weigh(result, options):
    """Adds intervals and the comparison with other captions to an `Evaluation`."""
    from aac_tf.evaluation.confidence import compare_scores, confidence_intervals
    from aac_tf.evaluation.metrics import compute_scores
    from aac_tf.evaluation.prediction_files import match_predictions, read_predictions

    if options.confidence:
        result.confidence = confidence_intervals(result.scores.found)
    if options.versus:
        others = read_predictions(options.versus)
        if result.left_out:
            others = {name: caption for name, caption in others.items() if name in result.captions}
        references = {name: result.references[name] for name in result.captions}
        others, _ = match_predictions(others, references, what=options.versus)
        found = compute_scores(others, references, options.metrics).found
        differences = compare_scores(result.scores.found, found)
        result.versus = {
            "predictions": options.versus,
            "corpus": {name: found[name].corpus for name in differences},
            "differences": {name: comparison._asdict() for name, comparison in differences.items()},
        }


def _write(result, options):
    """Writes the scores; returns the files."""
    from aac_tf.evaluation.evaluator import write_evaluation, write_scores

    if options.run:
        return write_evaluation(result, options.output or options.run)
    if options.output:
        write_scores(result, options.output)
    return [options.output] if options.output else []


def _exit_code(result):
    from aac_tf.evaluation.metrics import missing_metrics

    if result.scores.not_computed.keys() - missing_metrics().keys():
        return FAILED  # a metric that should have gone did not
    return PARTLY if result.left_out else None
