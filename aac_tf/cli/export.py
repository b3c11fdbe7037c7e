"""`export/saved_model.py`: writes a trained run as a SavedModel."""

import json

from aac_tf.cli.console import make_parser, run_command


def main(arguments=None):
    """Parses and runs; returns the exit code."""
    parser = make_parser(
        ("export/saved_model.py", "aac-export"),
        "Write a trained run as a SavedModel, from waveform or WAV file to caption: the next version in a folder that "
        "TF Serving can poll.",
        "export/saved_model.py --run runs/demo --output models/captioner --beam 3",
    )
    parser.add_argument("--run", required=True, help="folder of the trained run")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder of the model's versions, 1, 2, ...")
    parser.add_argument("--beam", type=int, help="beam size; 1 is greedy search (default: the run's)")
    parser.add_argument("--json", action="store_true", help="print what was written as a JSON object")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="key=value",
        help="config values that training left open, such as embedding.source=FOLDER",
    )
    return run_command(_run, parser, arguments)


def _run(options, console):
    from aac_tf.export.saved_model import ABOUT, export_saved_model
    from aac_tf.inference.captioner import Captioner

    captioner = Captioner.load(options.run, options.overrides)
    console.show(f"writing {options.run} as a SavedModel: up to a minute")
    version = export_saved_model(captioner, options.output, options.beam)
    if options.json:
        about = json.loads((version / "assets.extra" / ABOUT).read_text())
        print(json.dumps({"path": str(version), "version": int(version.name), **about}))
    else:
        print(version)
