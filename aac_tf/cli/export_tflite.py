"""`export/tflite.py`: exports a trained model to LiteRT."""

import contextlib
import pathlib

from aac_tf.cli.checks import check_output_file, check_runs
from aac_tf.cli.console import make_parser, print_json, run_command, silenced
from aac_tf.cli.flags import (
    add_constraint_flags,
    add_json_flag,
    add_overrides,
    add_run_flag,
    add_style_flag,
    check_number,
    constraint_overrides,
    style_overrides,
)
from aac_tf.cli.runs import load_captioner, open_runs
from aac_tf.utils.files import local_path

# Of the fixed waveform, in seconds. All of it is computed for every clip, however short.
SHORTEST, LONGEST = 0.1, 600


def main(arguments=None):
    """Runs the command; returns its exit code."""
    parser = make_parser(
        ("export/tflite.py", "aac-export-tflite"),
        "Export a trained model to LiteRT (TensorFlow Lite): one file that takes a waveform, returns its caption and "
        "needs only built-in operations.",
        "export/tflite.py --run runs/demo --output models/captioner.tflite",
    )
    add_run_flag(parser)
    parser.add_argument("--output", required=True, metavar="FILE", help="model file; an existing one is replaced")
    parser.add_argument("--float", action="store_true", help="store weights in 32 bits instead of 8 or 16")
    parser.add_argument(
        "--seconds",
        type=float,
        metavar="S",
        help="fixed duration of the waveform that the model takes, of which a clip may fill less: for LiteRT.js in a "
        "browser and for accelerators, which need fixed shapes (default: any length)",
    )
    parser.add_argument(
        "--run-search",
        action="store_true",
        help="search for captions as the run does (decoding.* keys), such as with a beam, instead of greedily",
    )
    add_style_flag(parser)
    add_constraint_flags(parser)
    add_json_flag(parser, "print a description of the exported model as a JSON object")
    add_overrides(parser, "embedding.source=FOLDER")
    return run_command(_export, parser, arguments)


def _export(options, console):
    overrides = [*options.overrides, *constraint_overrides(options), *style_overrides(options)]
    if not options.output.endswith(".tflite"):
        raise ValueError(f"{options.output}: expected the name of a file that ends with .tflite")
    runs, _ = open_runs(options)
    check_runs(runs, overrides)
    check_output_file(local_path(options.output))
    check_number("--seconds", options.seconds, at_least=SHORTEST, at_most=LONGEST)
    captioner = load_captioner(options, runs, overrides)
    from aac_tf.export.lite import export_lite

    console.show(f"exporting {options.run}; this takes up to a minute")
    with contextlib.nullcontext() if options.debug else silenced():  # the converter logs from C++
        about = export_lite(
            captioner,
            options.output,
            quantize=not options.float,
            search=captioner.search if options.run_search else None,
            seconds=options.seconds,
        )
    size = pathlib.Path(options.output).stat().st_size
    if options.json:
        print_json({"path": options.output, "bytes": size, **about})
    else:
        print(f"{options.output}: {size / 1e6:.2f} MB")
