"""`evaluate.py`: scores the captions of a trained model, or those in a file."""

import pathlib

from aac_tf.cli.checks import check_output_file, check_output_folder, check_runs
from aac_tf.cli.console import FAILED, PARTLY, make_parser, print_json, run_command, start_tensorflow
from aac_tf.cli.flags import (
    add_json_flag,
    add_overrides,
    add_run_flag,
    add_search_flags,
    are_several_runs,
    check_number,
    search_overrides,
)
from aac_tf.cli.runs import load_captioner, open_runs
from aac_tf.utils.counting import counted

SPLITS = {"train": "train", "development": "train", "validation": "validation", "test": "test", "evaluation": "test"}


def main(arguments=None):
    """Runs the command; returns its exit code."""
    from aac_tf.evaluation.metrics import METRICS, SETS

    parser = make_parser(
        ("evaluate.py", "aac-evaluate"),
        "Score captions with BLEU, ROUGE-L, METEOR, CIDEr-D, SPICE, SPIDEr, FENSE, SPIDEr-FL and others; on composed "
        "scenes also by their events. The captions are those that a trained model gives a split (--run), or those in a "
        "CSV file with the columns file_name,caption_predicted (--predictions), whose references have the columns "
        "file_name,caption_1,... For spider_max, several captions per file are in further columns "
        "caption_predicted_2,..., or in JSON lines as printed by aac-caption --json.",
        "evaluate.py --run runs/demo --split test --beam 3\n"
        "evaluate.py --predictions mine.csv --references clotho_captions_evaluation.csv --confidence",
        partly=True,
    )
    add_run_flag(parser, required=False, several=True)
    parser.add_argument(
        "--split",
        choices=sorted(SPLITS),
        metavar="SPLIT",
        help="train (or development), validation, or test (or evaluation); default: test",
    )
    add_search_flags(parser)
    parser.add_argument("--predictions", metavar="CSV", help="captions file to score instead of a run (or JSON lines)")
    parser.add_argument("--references", metavar="CSV", help="reference captions of the same files")
    parser.add_argument("--partial", action="store_true", help="skip files that --predictions lacks instead of failing")
    parser.add_argument(
        "--metrics",
        nargs="+",
        metavar="NAME",
        help=f"{' '.join(METRICS)}; or what a DCASE challenge reports: {' '.join(SETS)} (default: "
        f"{' '.join(name for name in METRICS if METRICS[name].by_default)}, if available; cider is CIDEr-D)",
    )
    parser.add_argument(
        "--attention",
        action="store_true",
        help="on composed scenes, also measure how much attention each word pays to the sound that it names",
    )
    parser.add_argument("--confidence", action="store_true", help="add 95%% confidence intervals, by bootstrap")
    parser.add_argument(
        "--versus", metavar="CSV", help="compare with other predictions of the same files (paired test)"
    )
    parser.add_argument(
        "--output",
        metavar="PATH",
        help="with --run: folder for predictions.csv and metrics.json, or predictions-SPLIT.csv and metrics-SPLIT.json "
        "for splits other than test (default: the folder of a single --run); with --predictions: JSON file for the "
        "corpus and per-item scores",
    )
    parser.add_argument("--show", type=int, default=0, metavar="N", help="also print N captions with their references")
    add_json_flag(parser, "print the corpus scores as a JSON object")
    add_overrides(parser, "data.root=/data/clotho")
    return run_command(_evaluate, parser, arguments)


def _evaluate(options, console):
    _check_options(options)
    if options.versus:
        from aac_tf.evaluation.prediction_files import read_candidates

        read_candidates(options.versus)  # rather than after everything is captioned and scored
    if options.output:
        (check_output_folder if options.run else check_output_file)(options.output)
    result, title, paper = (_evaluate_run if options.run else _evaluate_files)(options, console)
    written = _write_scores(result, options)  # first, so that a failure below does not lose them
    if options.confidence or options.versus:
        _add_statistics(result, options)
        _write_scores(result, options)
    console.skipped(result.left_out)
    _show_notes(result.scores.notes, console)
    if options.json:
        print_json(result.summary())
    else:
        from aac_tf.cli.score_tables import print_scores

        print_scores(result, title, paper, options.show)
    for reason, names in _reasons(result.scores.not_computed).items():
        listed = ", ".join(names[:-1]) + " and " * (len(names) > 1) + names[-1]
        console.show(f"{listed} {'was' if len(names) == 1 else 'were'} not computed: {reason}")
    if written:
        console.show(f"wrote {' and '.join(map(str, written))}")
    elif options.run:
        reason = "they are of several runs" if are_several_runs(options) else f"{options.run} is not your folder"
        console.show(f"not stored, as {reason}: --output FOLDER stores captions and scores")
    if result.left_out:
        console.show(f"{counted(len(result.left_out), 'clip')} skipped")
    return _exit_code(result)


def _check_options(options):
    check_number("--show", options.show, at_least=0)
    # `--metrics` takes all words up to the next flag, including key=value arguments at the end.
    words = [word for text in options.metrics or [] for word in text.split(",") if word]
    options.overrides += [word for word in words if "=" in word]
    options.metrics = [word for word in words if "=" not in word] if options.metrics else None
    if options.run and (options.predictions or options.references):
        raise ValueError("give either --run, or --predictions and --references")
    if options.attention and not options.run:
        raise ValueError("--attention needs --run: a captions file holds no attention")
    if (options.beam is not None or options.rerank is not None or search_overrides(options)) and not options.run:
        raise ValueError(
            "--beam, --search and --style need --run, as other flags of decoding do: the captions in a file are final"
        )
    if options.partial and options.run:
        raise ValueError("--partial needs --predictions: a run captions all files")
    if bool(options.predictions) != bool(options.references):
        raise ValueError("--predictions and --references must be given together")
    if not (options.run or options.predictions):
        raise ValueError("nothing to score: give --run RUN, or --predictions CSV --references CSV")
    if options.split and not options.run:
        raise ValueError("--split needs --run: all captions in a file are scored")
    if options.overrides and not options.run:
        raise ValueError(f"unexpected argument {options.overrides[0]}: config overrides need --run")


def _evaluate_run(options, console):
    from aac_tf.build_dataset import build_dataset
    from aac_tf.evaluation.scoring import check_metrics

    check_metrics(options.metrics)
    overrides, split = [*options.overrides, *search_overrides(options)], SPLITS[options.split or "test"]
    runs, rerank = open_runs(options)
    config = check_runs(runs, overrides, rerank)
    build_dataset(config).require(split)
    captioner = load_captioner(options, runs, overrides, rerank)
    from aac_tf.evaluation.evaluator import evaluate

    result = evaluate(
        captioner,
        config,
        split,
        options.beam,
        options.metrics,
        console.progress,
        options.attention,
        style=options.style,
    )
    return result, f"{config.name}, {split}", config.paper


def _evaluate_files(options, console):
    from aac_tf.evaluation.evaluator import Evaluation
    from aac_tf.evaluation.prediction_files import match_predictions, read_candidates, read_references
    from aac_tf.evaluation.scoring import compute_scores, needs_tensorflow

    read_references(options.references)  # raises what is wrong with them before anything about the predictions
    candidates = read_candidates(options.predictions)
    references = read_references(options.references, candidates)
    candidates, missing = match_predictions(candidates, references, options.partial, options.predictions)
    captions = {name: texts[0] for name, texts in candidates.items()}
    several = candidates if any(len(texts) > 1 for texts in candidates.values()) else None
    if needs_tensorflow(options.metrics):
        start_tensorflow(options)
    scores = compute_scores(captions, references, options.metrics, console.progress, several)
    left_out = [(name, "no prediction") for name in missing]
    result = Evaluation(captions, references, scores.corpus(), scores.per_item(), left_out, scores)
    return result, pathlib.Path(options.predictions).name, {}


def _add_statistics(result, options):
    """Adds confidence intervals and the comparison with other predictions to an `Evaluation`."""
    from aac_tf.evaluation.confidence import compare_scores, confidence_intervals
    from aac_tf.evaluation.prediction_files import match_predictions, name_as_references, read_candidates
    from aac_tf.evaluation.scoring import compute_scores

    if options.confidence:
        result.confidence = confidence_intervals(result.scores.found)
    if options.versus:
        others = read_candidates(options.versus)
        if result.left_out:
            others = name_as_references(others, result.references, options.versus)
            others = {name: texts for name, texts in others.items() if name in result.captions}
        references = {name: result.references[name] for name in result.captions}
        others, _ = match_predictions(others, references, what=options.versus)
        several = others if any(len(texts) > 1 for texts in others.values()) else None
        others = {name: texts[0] for name, texts in others.items()}
        found = compute_scores(others, references, options.metrics, candidates=several).found
        differences = compare_scores(result.scores.found, found)
        result.versus = {
            "predictions": options.versus,
            "corpus": {name: found[name].corpus for name in differences},
            "differences": {name: comparison._asdict() for name, comparison in differences.items()},
        }


def _show_notes(notes, console):
    for score, items in notes.items():
        for name, note in list(items.items())[:10]:
            console.show(f"  {score}: {name}: {note}")
        if len(items) > 10:
            console.show(f"  {score}: {len(items)} such clips")


def _write_scores(result, options):
    """Writes the scores; returns the paths of the files."""
    from aac_tf.evaluation.evaluator import write_evaluation, write_scores
    from aac_tf.runs.fetch import is_folder

    if options.run:
        # The files of a preset or of a downloaded run are not the user's, and those of a run are of this run alone.
        own = is_folder(options.run) and not are_several_runs(options)
        folder = options.output or (options.run if own else None)
        return write_evaluation(result, folder) if folder else []
    if options.output:
        write_scores(result, options.output)
    return [options.output] if options.output else []


def _reasons(not_computed):
    """Groups the metrics that were not computed by their reason, which may be that of a metric they require."""
    reasons = {}
    for name, reason in not_computed.items():
        reasons.setdefault(reason, []).append(name)
    return reasons


def _exit_code(result):
    from aac_tf.evaluation.scoring import missing_metrics

    if result.scores.not_computed.keys() - result.scores.undefined - missing_metrics().keys():
        return FAILED  # an available metric failed
    return PARTLY if result.left_out else None
