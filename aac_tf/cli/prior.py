"""`aac-prior`: corrects how often a captioner uses each word."""

import pathlib

from aac_tf.cli.checks import check_new_output_folder, check_run
from aac_tf.cli.console import make_parser, print_json, run_command, start_tensorflow
from aac_tf.cli.flags import add_json_flag, add_overrides, check_number, take_overrides
from aac_tf.runs.errors import RunError

_SHOWN = 8
_PLANS = 4000  # of written captions, up to five for each


def main(arguments=None):
    """Runs the command; returns its exit code."""
    parser = make_parser(
        ("aac-prior",),
        "Write a run that uses words about as often as the given captions do, rather than its training captions. Use "
        "it after training on scenes in which rare sounds are as frequent as common ones (scenes.min_scenes).",
        "aac-prior runs/mine --captions audiocaps/train.csv --weight 0.6 --output runs/mine-prior\n"
        "aac-evaluate --run runs/mine-prior --split validation",
    )
    parser.add_argument("run", metavar="RUN", help="folder of the trained run")
    parser.add_argument(
        "--captions",
        required=True,
        nargs="+",
        metavar="FILE",
        help="captions with the word frequencies that the run should have: CSVs like those of Clotho or AudioCaps, "
        "text files with one caption per line, or `templates` for written captions of the sounds that the run knows",
    )
    parser.add_argument(
        "--weight",
        type=float,
        default=1.0,
        help="strength of the correction, 0 to 1; choose it on validation data (default: 1)",
    )
    parser.add_argument("--output", required=True, metavar="FOLDER", help="run folder to write")
    add_json_flag(
        parser,
        "print the folder, what is added to the logit of each word, and how many words are known as a JSON object",
    )
    add_overrides(parser, "data.root=/data/scenes")
    return run_command(_correct, parser, arguments)


def _correct(options, console):
    from aac_tf.build_dataset import build_dataset
    from aac_tf.runs.correction import check_correctable
    from aac_tf.runs.fetch import open_run

    check_number("--weight", options.weight, at_least=0, at_most=1)
    # `--captions` takes all words up to the next flag.
    overrides = [*options.overrides, *take_overrides(options.captions)]
    run = open_run(options.run)
    config = check_run(run, overrides)
    check_correctable(run)
    check_new_output_folder(options.output)
    clips = build_dataset(config).require("train")
    trained = [caption for clip in clips for caption in clip.captions * clip.weight]
    wanted = _captions(options.captions, run, console)
    start_tensorflow(options)
    from aac_tf.text.standardization import count_words
    from aac_tf.training.forecast import cover
    from aac_tf.training.word_prior import correct_prior

    added = correct_prior(run, options.output, trained, wanted, options.weight)
    coverage = cover(count_words(wanted), set(run.vocabulary()))
    if options.json:
        print_json({"run": options.output, "added": dict(added), "coverage": coverage._asdict()})
        return
    print(f"words of the captions that the run knows: {coverage}")
    less = [(word, value) for word, value in added if value < 0]
    more = [(word, value) for word, value in reversed(added) if value > 0]
    for title, words in (("less often", less), ("more often", more)):
        print(f"{title}: " + (", ".join(f"{word} {value:+.1f}" for word, value in words[:_SHOWN]) or "no word"))
    console.show(f"wrote {options.output}")


def _captions(files, run, console):
    """The captions of files, and those that are written for the sounds of the scenes that a run was trained on."""
    from aac_tf.runs.card import read_card
    from aac_tf.scenes.dataset import TEMPLATES
    from aac_tf.scenes.scripts import captions_of
    from aac_tf.scenes.writing import write_scripts

    # Writing takes longer than reading, so files that cannot be read are refused first.
    captions = [caption for file in files if file != TEMPLATES for _, caption in captions_of(pathlib.Path(file))]
    if TEMPLATES not in files:
        return captions
    sounds = read_card(run).get("sounds") or []
    if not sounds:
        raise RunError(
            f"{run.name} was not trained on composed scenes, so it does not say which sounds to write captions for; "
            f"--captions takes files beside `{TEMPLATES}`"
        )
    written = write_scripts(sounds, _PLANS, progress=console.progress("Writing captions"))
    return [*captions, *(script.caption for script in written)]
