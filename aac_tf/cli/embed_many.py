"""`aac-embed-many`: fills the embedding store on Apache Beam, before training."""

from aac_tf.cli.caption_many import import_beam
from aac_tf.cli.console import make_parser, print_json, run_command, split_arguments, start_tensorflow
from aac_tf.cli.flags import add_config_flag, add_json_flag, add_overrides
from aac_tf.utils.counting import counted


def main(arguments=None):
    """Runs the command; returns its exit code."""
    parser = make_parser(
        ("aac-embed-many",),
        "Compute the frozen encoder's embeddings of a dataset on Apache Beam and put them into the store that training "
        "reads. Embeddings that are already stored are kept. Arguments after -- are passed to Beam.",
        "aac-embed-many --config clotho_yamnet data.root=/data/clotho \\\n"
        "    -- --direct_running_mode multi_processing --direct_num_workers 4",
    )
    add_config_flag(parser, required=True)
    add_json_flag(parser, "print the counts as a JSON object")
    add_overrides(parser, "data.root=/data/clotho", trained=False)
    own, beam_flags = split_arguments(arguments)
    return run_command(lambda options, console: _embed_many(options, beam_flags, console), parser, own)


def _embed_many(options, beam_flags, console):
    from aac_tf.build_dataset import build_dataset
    from aac_tf.config import ConfigError, load_config

    config = load_config(options.config, options.overrides)
    if config.embedding.kind == "none" or config.data.stored_views() is None:
        raise ConfigError("nothing to store: embedding.kind is none, or data.embedding_store is off")
    build_dataset(config).check()
    import_beam()
    start_tensorflow(options)
    from aac_tf.many.embeddings import embed_many

    folder, rows, made = embed_many(config, beam_flags, console.progress)
    if options.json:
        print_json({"folder": folder, "rows": rows, "made": made})
    else:
        console.show(f"{counted(rows, 'embedding')} stored, {made} of them computed now")
        print(folder)
