"""`export/tflite.py`: exports a trained model to LiteRT."""

import contextlib
import json
import os
import pathlib

from aac_tf.cli.console import make_parser, run_command
from aac_tf.cli.flags import add_json_flag, add_overrides, add_run_flag, add_style_flag, style_overrides


def main(arguments=None):
    """Runs the command; returns its exit code."""
    parser = make_parser(
        ("export/tflite.py", "aac-export-tflite"),
        "Export a trained model to LiteRT (TensorFlow Lite): one file that takes a waveform, returns the caption of "
        "greedy search and needs only built-in operations.",
        "export/tflite.py --run runs/demo --output models/captioner.tflite",
    )
    add_run_flag(parser)
    parser.add_argument("--output", required=True, metavar="FILE", help="model file; an existing one is replaced")
    parser.add_argument("--float", action="store_true", help="store 32-bit float weights instead of 8-bit integers")
    add_style_flag(parser)
    add_json_flag(parser, "print a description of the exported model as a JSON object")
    add_overrides(parser, "embedding.source=FOLDER")
    return run_command(_export, parser, arguments)


def _export(options, console):
    from aac_tf.export.lite import export_lite
    from aac_tf.inference.captioner import Captioner

    captioner = Captioner.load(options.run, [*options.overrides, *style_overrides(options)])
    console.show(f"exporting {options.run}; this takes up to a minute")
    with contextlib.nullcontext() if options.debug else _silenced():
        about = export_lite(captioner, options.output, quantize=not options.float)
    size = pathlib.Path(options.output).stat().st_size
    if options.json:
        print(json.dumps({"path": options.output, "bytes": size, **about}))
    else:
        print(f"{options.output}: {size / 1e6:.2f} MB")


@contextlib.contextmanager
def _silenced():
    """Silences the converter, a C++ program that logs to file descriptor 2; its errors are raised as exceptions."""
    standard_error, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)
        os.close(null)
