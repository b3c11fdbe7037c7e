"""`aac-caption --timeline`: captions over time."""

import json
import pathlib
import sys

from aac_tf.cli.checks import check_output_folder
from aac_tf.cli.console import FAILED, PARTLY, print_json
from aac_tf.cli.flags import are_several_runs
from aac_tf.cli.output_names import distinct_stems
from aac_tf.utils.counting import counted
from aac_tf.utils.files import local_path
from aac_tf.utils.timeline_formats import FORMATS


def add_timeline_flags(parser):
    """Adds `--timeline`, `--format` and `--output`."""
    parser.add_argument(
        "--timeline", action="store_true", help="caption over time: what is heard when, in recordings of any length"
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="with --timeline: srt or vtt (subtitles), json, tsv, audacity (labels) or textgrid (Praat) (default: tsv)",
    )
    parser.add_argument(
        "--output", metavar="FOLDER", help="with --timeline: write one file per recording instead of printing"
    )


def check_timeline_flags(options):
    """Checks the flags of `add_timeline_flags`, and chooses `options.format`.

    Args:
        options: `argparse.Namespace`.

    Raises:
        ValueError: if flags do not go together.
        OSError: if the folder for the output cannot be written to.
    """
    if not options.timeline:
        given = [name for name in ("format", "output") if getattr(options, name) is not None]
        if given:
            raise ValueError(f"--{given[0]} needs --timeline")
        return
    if options.attention is not None:
        raise ValueError("--attention plots the caption of a whole sound: give it without --timeline")
    if options.sounds:
        raise ValueError("with --timeline, --format json has the sounds: leave --sounds out")
    if are_several_runs(options):
        raise ValueError("--timeline takes a single --run, and no --rerank")
    if options.json and options.format not in (None, "json"):
        raise ValueError(f"--json and --format {options.format} contradict each other: give one of them")
    options.format = options.format or ("json" if options.json else "tsv")
    if options.output is not None:
        check_output_folder(local_path(options.output))
    elif len(options.files) > 1 and not FORMATS[options.format].several:
        raise ValueError(f"--format {options.format} has one file per recording: say where with --output FOLDER")


def caption_over_time(options, console, captioner, missing):
    """Captions files over time and prints or writes the results.

    Args:
        options: `argparse.Namespace`.
        console: `Console`.
        captioner: `Captioner`; None if all files are missing.
        missing: `{path: reason}` of files that cannot be read.

    Returns:
        The exit code.
    """
    form, header, skipped = FORMATS[options.format], "", 0
    for path, stem in zip(options.files, distinct_stems(options.files)):
        reason = missing.get(path)
        if reason is None:
            segments, reason = _timeline(captioner, path, options, console)
        if reason is not None:
            skipped += 1
            if options.format == "json" and options.output is None:
                print_json({"file": path, "error": reason})
            continue
        text = form.write(segments, path)
        if options.output is None and options.format == "json":
            print_json(json.loads(text))  # valid whatever the encoding of standard output
        elif options.output is None:
            sys.stdout.write(text.removeprefix(header))
            sys.stdout.flush()
            header = form.header
        else:
            out = pathlib.Path(options.output, stem + form.extension)
            _write(out, text)
            console.show(f"wrote {out}")
    if skipped:
        console.show(f"{skipped} of {counted(len(options.files), 'file')} skipped")
    return (FAILED if skipped == len(options.files) else PARTLY) if skipped else None


def _timeline(captioner, path, options, console):
    """The segments of a file, or the reason why it has none."""
    from aac_tf.audio import AudioError

    try:
        return captioner.timeline(path, options.beam, progress=console.progress(path)), None
    except AudioError as error:
        console.show(f"skipped: {path}: {error.reason}")
        return None, error.reason


def _write(path, text):
    from aac_tf.utils import atomic_write

    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as unfinished:
        # The same bytes on every system. Names of recordings may have bytes that are no characters.
        unfinished.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
