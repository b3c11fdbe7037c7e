"""`aac-publish`: writes the form of a trained run that one uploads."""

from aac_tf.cli.checks import check_new_output_folder, check_run
from aac_tf.cli.console import make_parser, print_json, run_command, start_tensorflow
from aac_tf.cli.flags import add_json_flag


def main(arguments=None):
    """Runs the command; returns its exit code."""
    parser = make_parser(
        ("aac-publish",),
        "Write what others need to use a trained run: config, vocabulary, weights, scores and a model card, without "
        "any data. Every command takes the folder, or its copy on the Hugging Face hub or the web, as --run.",
        "aac-publish runs/mine --output mine --licence cc-by-4.0\nhf upload USER/mine mine",
    )
    parser.add_argument("run", metavar="RUN", help="folder of the trained run")
    parser.add_argument("--output", required=True, metavar="FOLDER", help="folder to write")
    parser.add_argument(
        "--licence",
        "--license",
        default="other",
        metavar="NAME",
        help="licence of the weights for the model card, as the hub writes it, such as apache-2.0 or cc-by-nc-4.0",
    )
    parser.add_argument(
        "--relicense",
        action="store_true",
        help="allow a --licence without the conditions of the weights in training.initial, as their owner permits it; "
        "the model card says so",
    )
    parser.add_argument(
        "--scores",
        metavar="JSON",
        help="scores for the model card, as aac-evaluate writes them (default: metrics.json of the run)",
    )
    parser.add_argument("--float", action="store_true", help="store 32-bit instead of 16-bit weights")
    add_json_flag(parser, "print the folder, its size and the licences of initial weights that apply as a JSON object")
    return run_command(_publish, parser, arguments)


def _publish(options, console):
    from aac_tf.runs.card import read_card
    from aac_tf.runs.fetch import open_run
    from aac_tf.runs.licences import allow_licence, check_licence, describe_initial_licences, initial_licences

    run = open_run(options.run)
    check_run(run)
    card = read_card(run)
    if options.relicense:
        card = allow_licence(options.licence, card)
    check_licence(options.licence, card)
    check_new_output_folder(options.output)
    start_tensorflow(options)
    from aac_tf.export.published import publish_run

    folder = publish_run(run, options.output, options.licence, not options.float, options.scores, options.relicense)
    size = sum(path.stat().st_size for path in folder.iterdir())
    if not (folder / "scores.json").is_file():
        console.show("the model card has no scores: run aac-evaluate on the run first, or give --scores JSON")
    if not (folder / "calibration.json").is_file():
        console.show("its captions will have no confidence: run aac-calibrate on the run first")
    if options.licence == "other":
        console.show("the model card names no licence: give --licence NAME")
    for line in describe_initial_licences(card):
        console.show(line)
    if options.json:
        inherited = [{"name": name, "licence": licence} for name, licence in initial_licences(card)]
        print_json({"path": str(folder), "bytes": size, "initial_licences": inherited})
    else:
        print(f"{folder}: {size / 1e6:.2f} MB")
