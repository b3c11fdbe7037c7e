"""`aac-caption-many`: captions large collections of files with an exported model on Apache Beam."""

import logging

from aac_tf.cli.checks import check_files, check_model, check_output_folder, check_runs
from aac_tf.cli.console import FAILED, PARTLY, make_parser, print_json, run_command, split_arguments, start_tensorflow
from aac_tf.cli.flags import (
    add_json_flag,
    add_run_flag,
    add_search_flags,
    are_several_runs,
    check_number,
    search_overrides,
)
from aac_tf.cli.runs import open_runs
from aac_tf.utils.counting import counted


def main(arguments=None):
    """Runs the command; returns its exit code."""
    parser = make_parser(
        ("aac-caption-many",),
        "Caption large collections of sound files with an exported model or a trained run on Apache Beam: on this "
        "machine, or on Dataflow, Flink or Spark. Each file gets one line of JSON: its caption in captions-*.jsonl, or "
        "the reason why it has none in failed-*.jsonl. To continue an interrupted job, run the same command again. "
        "Arguments after -- are passed to Beam.",
        "aac-caption-many --model models/captioner --output out/captions 'clips/**/*.wav' \\\n"
        "    -- --direct_running_mode multi_processing --direct_num_workers 4",
        partly=True,
    )
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument(
        "--model", metavar="FOLDER", help="folder written by aac-export; the newest version in it is used"
    )
    add_run_flag(model, required=False, several=True)
    parser.add_argument("--output", required=True, metavar="FOLDER", help="folder of the job, for the captions")
    add_search_flags(parser)
    parser.add_argument(
        "--timeline", action="store_true", help="caption over time: lines have `segments` instead of a caption"
    )
    parser.add_argument(
        "--list", action="append", default=[], metavar="FILE", help="text file with one path per line (may be repeated)"
    )
    parser.add_argument(
        "--shards", type=int, metavar="N", help="number of output files (default: one per 256 sound files)"
    )
    parser.add_argument(
        "--batch-seconds",
        type=float,
        default=300,
        metavar="S",
        help="maximum length of a batch, padding included, in seconds (default: %(default)s)",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        default=128,
        metavar="N",
        help="maximum number of clips in a batch (default: %(default)s)",
    )
    parser.add_argument(
        "--max-seconds",
        type=float,
        default=3600,
        metavar="S",
        help="clips longer than this are listed as failed (default: %(default)s)",
    )
    parser.add_argument("--retry-failed", action="store_true", help="retry files that failed before")
    parser.add_argument("--overwrite", action="store_true", help="replace the captions of another job in --output")
    add_json_flag(parser, "print the counts as a JSON object")
    parser.add_argument("files", nargs="*", metavar="FILE", help="path or quoted pattern, such as 'clips/**/*.wav'")
    own, beam_flags = split_arguments(arguments)
    return run_command(lambda options, console: _caption_many(options, beam_flags, console), parser, own)


def import_beam():
    """Imports Apache Beam; the error says how to install it."""
    logging.disable(logging.WARNING)  # it warns about cloud libraries that are not installed
    try:
        import apache_beam  # noqa: F401
    except ImportError as error:
        raise OSError(f'Apache Beam cannot be imported ({error}): pip install "aac_tf[beam]"') from error
    finally:
        logging.disable(logging.NOTSET)


def _caption_many(options, beam_flags, console):
    style, options.style = options.style, None  # an exported model has all styles
    overrides = search_overrides(options)
    if options.run is not None:
        runs, rerank = open_runs(options)
        check_runs(runs, overrides, rerank)
        if options.timeline and are_several_runs(options):
            raise ValueError("--timeline takes a single --run, and no --rerank")
    elif options.beam is not None or options.rerank is not None or overrides:
        raise ValueError(
            "--beam, --search and other flags of decoding need --run: an exported model keeps those of its export"
        )
    else:
        check_model(options.model)
    check_files(options.files, options.list)
    check_number("--shards", options.shards, at_least=1, at_most=1_000_000)
    check_number("--batch-seconds", options.batch_seconds, above=0, at_most=86_400)
    check_number("--batch-size", options.batch_size, at_least=1, at_most=100_000)
    check_number("--max-seconds", options.max_seconds, above=0)
    if "://" not in options.output:
        check_output_folder(options.output)
    import_beam()
    start_tensorflow(options)
    from aac_tf.many import Settings, find_files, newest_version, open_job
    from aac_tf.many.job import locked_folder
    from aac_tf.many.model import check_style, check_timeline, model_fingerprint
    from aac_tf.many.pipeline import run_job
    from aac_tf.many.progress import poll_progress

    settings = Settings(
        options.batch_seconds,
        options.batch_size,
        options.max_seconds,
        options.retry_failed,
        style,
        options.timeline,
    )
    if options.run is not None:
        from aac_tf.export.cached import cached_export

        console.show(f"exporting {options.run}, unless that was done before; this takes up to a minute")
        options.model = str(cached_export(runs, overrides, options.beam, rerank))
    version = newest_version(options.model)
    check_style(version, style)
    if options.timeline:
        check_timeline(version)
    # Captions in another style are another job, and so are captions over time.
    kind = [] if style is None else [style]
    fingerprint = " ".join([model_fingerprint(version), *kind, *(["--timeline"] if options.timeline else [])])
    paths = find_files(options.files, options.list)
    with locked_folder(options.output):
        job = open_job(options.output, paths, fingerprint, options.shards, options.overwrite)
        console.show(f"{counted(job.files, 'file')}, {counted(job.shards, 'shard')}, model {version}")
        with poll_progress(job.done, job.shards, console.progress("Captioning shards")):
            summary, counters = run_job(job, version, settings, beam_flags)
    summary |= {"output": job.folder, "model": version, "now": counters}
    if options.json:
        print_json(summary)
    else:
        hours = summary["seconds"] / 3600
        console.show(
            f"{summary['captioned']} captioned ({hours:.2f} h of sound), {summary['failed']} failed; "
            f"in this run: {counters['captioned']} captioned, {counters['failed']} failed"
        )
        print(job.folder)
    if summary["failed"]:
        return PARTLY if summary["captioned"] else FAILED
    return None
