"""`aac-average`: averages the weights of several epochs of a run."""

from aac_tf.cli.checks import check_new_output_folder, check_run
from aac_tf.cli.console import make_parser, print_json, run_command, start_tensorflow
from aac_tf.cli.flags import add_json_flag, check_number


def main(arguments=None):
    """Runs the command; returns its exit code."""
    parser = make_parser(
        ("aac-average",),
        "Average the weights of several epochs of a run that was trained with training.keep_epochs, and write them as "
        "a run that every command takes.",
        "aac-average runs/mine --output runs/mine-average\naac-evaluate --run runs/mine-average",
    )
    parser.add_argument("run", metavar="RUN", help="folder of the trained run")
    parser.add_argument("--output", required=True, metavar="FOLDER", help="run folder to write")
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--best", type=int, metavar="N", help="average the N best epochs by training.monitor (default: all N kept)"
    )
    group.add_argument("--last", type=int, metavar="N", help="average the N last epochs")
    add_json_flag(parser, "print the folder and the epochs as a JSON object")
    return run_command(_average, parser, arguments)


def _average(options, console):
    from aac_tf.runs.fetch import open_run

    check_number("--best", options.best, at_least=1)
    check_number("--last", options.last, at_least=1)
    run = open_run(options.run)
    check_run(run)
    check_new_output_folder(options.output)
    start_tensorflow(options)
    from aac_tf.training.kept_epochs import average_epochs

    epochs = average_epochs(run, options.output, options.best, options.last)
    if options.json:
        print_json({"run": options.output, "epochs": epochs})
    else:
        print(f"{options.output}: average of epochs {', '.join(map(str, epochs))}")
