"""`export/saved_model.py`: exports a trained model as a SavedModel."""

import json

from aac_tf.cli.checks import check_output_folder, check_runs
from aac_tf.cli.console import make_parser, print_json, run_command
from aac_tf.cli.flags import (
    add_json_flag,
    add_overrides,
    add_run_flag,
    add_search_flags,
    search_overrides,
)
from aac_tf.cli.runs import load_captioner, open_runs
from aac_tf.utils.files import local_path


def main(arguments=None):
    """Runs the command; returns its exit code."""
    parser = make_parser(
        ("export/saved_model.py", "aac-export"),
        "Export a trained model as a SavedModel that takes waveforms or WAV files and returns captions. It becomes the "
        "next version in a folder that TF Serving can poll.",
        "export/saved_model.py --run runs/demo --output models/captioner --beam 3",
    )
    add_run_flag(parser, several=True)
    parser.add_argument("--output", required=True, metavar="FOLDER", help="folder of the exported versions 1, 2, ...")
    add_search_flags(parser)
    add_json_flag(parser, "print a description of the exported model as a JSON object")
    add_overrides(parser, "embedding.source=FOLDER")
    return run_command(_export, parser, arguments)


def _export(options, console):
    overrides = [*options.overrides, *search_overrides(options)]
    runs, rerank = open_runs(options)
    check_runs(runs, overrides, rerank)
    check_output_folder(local_path(options.output))
    captioner = load_captioner(options, runs, overrides, rerank)
    from aac_tf.export.about import ABOUT
    from aac_tf.export.saved_model import export_saved_model

    console.show(f"exporting {options.run}; this takes up to a minute")
    version = export_saved_model(captioner, options.output, options.beam)
    if options.json:
        about = json.loads((version / "assets.extra" / ABOUT).read_text())
        print_json({"path": str(version), "version": int(version.name), **about})
    else:
        print(version)
