"""`aac-embed-many`: fills the store of frozen embeddings on Apache Beam, before training."""

import json

from aac_tf.cli.caption_many import import_beam, split_flags
from aac_tf.cli.console import make_parser, run_command


def main(arguments=None):
    """Parses and runs; returns the exit code."""
    parser = make_parser(
        ("aac-embed-many",),
        "Compute the frozen network's embeddings of a dataset's clips on Apache Beam, and store them where training "
        "finds them. What is there is left as it is. Options after -- are Beam's own.",
        "aac-embed-many --config configs/clotho_yamnet.yaml data.root=/data/clotho \\\n"
        "      -- --direct_running_mode multi_processing --direct_num_workers 4",
    )
    parser.add_argument("--config", required=True, help="YAML file, see configs/")
    parser.add_argument("--json", action="store_true", help="print the counts as a JSON object")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="config values, as for training")
    ours, flags = split_flags(arguments)
    return run_command(lambda options, console: _run(options, flags, console), parser, ours)


def _run(options, flags, console):
    from aac_tf.config import load_config

    import_beam()
    from aac_tf.many.embeddings import embed_many

    config = load_config(options.config, options.overrides)
    folder, rows, made = embed_many(config, flags, console.progress)
    if options.json:
        print(json.dumps({"folder": folder, "rows": rows, "made": made}))
    else:
        console.show(f"{rows} embeddings are stored, {made} of them made now")
        print(folder)
