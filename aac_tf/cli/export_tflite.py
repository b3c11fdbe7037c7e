"""`export/tflite.py`: writes a trained run as a LiteRT model."""

import contextlib
import json
import os
import pathlib

from aac_tf.cli.console import make_parser, run_command


def main(arguments=None):
    """Parses and runs; returns the exit code."""
    parser = make_parser(
        ("export/tflite.py", "aac-export-tflite"),
        "Write a trained run as a LiteRT (TensorFlow Lite) model: one file, from waveform to the words of greedy "
        "search, that needs built-in operations alone.",
        "export/tflite.py --run runs/demo --output models/captioner.tflite",
    )
    parser.add_argument("--run", required=True, help="folder of the trained run")
    parser.add_argument(
        "--output", required=True, metavar="FILE", help="the model's file; one that is there is replaced"
    )
    parser.add_argument("--float", action="store_true", help="store weights in 32 bits (default: in 8)")
    parser.add_argument("--json", action="store_true", help="print what was written as a JSON object")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="key=value",
        help="config values that training left open, such as embedding.source=FOLDER",
    )
    return run_command(_run, parser, arguments)


def _run(options, console):
    from aac_tf.export.lite import export_lite
    from aac_tf.inference.captioner import Captioner

    captioner = Captioner.load(options.run, options.overrides)
    console.show(f"converting {options.run}: up to a minute")
    with contextlib.nullcontext() if options.debug else _without_notes():
        about = export_lite(captioner, options.output, quantize=not options.float)
    size = pathlib.Path(options.output).stat().st_size
    if options.json:
        print(json.dumps({"path": options.output, "bytes": size, **about}))
    else:
        print(f"{options.output}: {size / 1e6:.2f} MB")


@contextlib.contextmanager
def _without_notes():
    """Keeps the converter, which is no Python, from writing its notes to standard error; its errors are exceptions."""
    standard_error, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)
        os.close(nowhere)
