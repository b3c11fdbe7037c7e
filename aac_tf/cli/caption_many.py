"""`aac-caption-many`: captions any number of files with an exported model, on Apache Beam."""

import json
import logging
import sys

from aac_tf.cli.console import FAILED, PARTLY, make_parser, run_command


def main(arguments=None):
    """Parses and runs; returns the exit code."""
    parser = make_parser(
        ("aac-caption-many",),
        "Caption any number of sound files with an exported model, on Apache Beam: on this machine, or on Dataflow, "
        "Flink or Spark. Every file gets one line, in DIR/captions-*.jsonl or, with the reason, in DIR/failed-*.jsonl. "
        "Stopped or killed, the same command goes on where it was. Options after -- are Beam's own.",
        "aac-caption-many --model models/captioner --output out/captions 'clips/**/*.wav' \\\n"
        "      -- --direct_running_mode multi_processing --direct_num_workers 4",
        partly=True,
    )
    parser.add_argument(
        "--model",
        required=True,
        metavar="DIR",
        help="what aac-export wrote; of versions, the newest",
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the captions")
    parser.add_argument("--list", action="append", default=[], metavar="FILE", help="text file with a path a line")
    parser.add_argument("--shards", type=int, help="files the captions are spread over (default: one for 256 clips)")
    parser.add_argument("--batch-seconds", type=float, default=300, help="most sound in a batch (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=128, help="most clips in a batch (default: %(default)s)")
    parser.add_argument("--max-seconds", type=float, default=3600, help="longer clips fail (default: %(default)s)")
    parser.add_argument("--retry-failed", action="store_true", help="try files again that failed before")
    parser.add_argument("--overwrite", action="store_true", help="delete captions of another job in DIR")
    parser.add_argument("--json", action="store_true", help="print the counts as a JSON object")
    parser.add_argument("files", nargs="*", metavar="FILE", help="paths, or quoted patterns such as 'clips/**/*.wav'")
    ours, flags = split_flags(arguments)
    return run_command(lambda options, console: _run(options, flags, console), parser, ours)


def split_flags(arguments=None):
    """Divides a command line (None: the program's) at `--` into our arguments and Beam's."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:end], arguments[end + 1 :]


def import_beam():
    """Imports Apache Beam, or says how to get it."""
    logging.disable(logging.WARNING)  # it tells which clouds' libraries are not installed
    try:
        import apache_beam  # noqa: F401
    except ImportError as error:
        raise OSError(f'Apache Beam cannot be imported ({error}): pip install "aac_tf[beam]"') from error
    finally:
        logging.disable(logging.NOTSET)


def _run(options, flags, console):
    import_beam()
    from aac_tf.many import Settings, find_files, newest_version, open_job
    from aac_tf.many.model import model_fingerprint
    from aac_tf.many.pipeline import run_job
    from aac_tf.many.watch import watched

    settings = Settings(options.batch_seconds, options.batch_size, options.max_seconds, options.retry_failed)
    version = newest_version(options.model)
    paths = find_files(options.files, options.list)
    job = open_job(options.output, paths, model_fingerprint(version), options.shards, options.overwrite)
    console.show(f"{job.files} files, {job.shards} shards, model {version}")
    with watched(job.done, job.shards, console.progress("Captioning shards")):
        summary, counters = run_job(job, version, settings, flags)
    summary |= {"output": job.folder, "model": version, "now": counters}
    if options.json:
        print(json.dumps(summary))
    else:
        hours = summary["seconds"] / 3600
        console.show(
            f"{summary['captioned']} captioned ({hours:.2f} h of sound), {summary['failed']} failed; in this run "
            f"{counters['captioned']} and {counters['failed']}"
        )
        print(job.folder)
    if summary["failed"]:
        return PARTLY if summary["captioned"] else FAILED
    return None
