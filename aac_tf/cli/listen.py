"""`aac-listen`: captions what a microphone or a pipe hears, while it is going on."""

import signal
import sys

from aac_tf.cli.checks import check_runs
from aac_tf.cli.console import make_parser, print_json, run_command
from aac_tf.cli.flags import (
    add_json_flag,
    add_run_flag,
    add_search_flags,
    check_number,
    search_overrides,
    take_overrides,
)
from aac_tf.cli.loading import loading
from aac_tf.cli.microphone import open_microphone
from aac_tf.cli.runs import load_captioner, open_runs
from aac_tf.utils.pcm_stream import ENCODINGS, PCMFormat, StreamError, read_stream
from aac_tf.utils.timeline_formats import as_dict


def main(arguments=None):
    """Runs the command; returns its exit code."""
    parser = make_parser(
        ("aac-listen",),
        "Caption what a microphone hears, or a sound from standard input: a line with the time as soon as something "
        "new is heard. Ctrl-C ends it.",
        "aac-listen\nffmpeg -loglevel error -i rtsp://camera -f wav - | aac-listen -\n"
        "arecord -f S16_LE -r 16000 | aac-listen --json -",
    )
    add_run_flag(parser, default="everyday")
    add_search_flags(parser, rerank=False)
    parser.add_argument("--device", metavar="NAME", help="input device: part of its name, or its number")
    parser.add_argument(
        "--raw", choices=tuple(ENCODINGS), help="standard input has raw samples of this encoding, without a WAV header"
    )
    parser.add_argument("--rate", type=int, metavar="HZ", help="sample rate of raw samples")
    parser.add_argument("--channels", type=int, metavar="N", help="number of channels of raw samples (default: 1)")
    add_json_flag(
        parser,
        "print one JSON object per line: begin, end, caption, confidence, sounds, whether the sound has ended, and "
        "whether the caption is new",
    )
    parser.add_argument(
        "input",
        nargs="*",
        metavar="-",
        help="standard input (default: the microphone). A key=value, such as embedding.source=FOLDER, overrides a "
        "config key that can be changed after training",
    )
    return run_command(_listen, parser, arguments)


def _listen(options, console):
    overrides = [*take_overrides(options.input), *search_overrides(options)]
    _check(options)
    runs, _ = open_runs(options)
    check_runs(runs, overrides)
    # Before TensorFlow is imported: what cannot be heard is refused at once.
    if options.input:
        form = options.raw and PCMFormat(options.rate, options.raw, options.channels or 1)
        rate, blocks = read_stream(sys.stdin.buffer, form)
    else:
        rate, blocks = open_microphone(options.device)
    with loading(options.run):
        captioner = load_captioner(options, runs, overrides)
        from aac_tf.inference import Listener

        listener = Listener(captioner, beam_size=options.beam)
        listener.warm_up()
    import numpy as np

    from aac_tf.audio.parts import resampled_stream
    from aac_tf.runs.card import trained_on
    from aac_tf.utils.interruption import Interrupted, Interruption

    console.show(f"{options.run} was {trained_on(runs[0])}")
    console.show("listening; Ctrl-C ends it")
    end = None
    try:
        with Interruption() as interruption:
            for samples in resampled_stream(_until_stopped(blocks, interruption), rate, captioner.spec.sample_rate):
                _print(listener.hear(np.asarray(samples)), options.json)
    except (KeyboardInterrupt, StreamError) as error:
        end = error
    _print(listener.finish(), options.json)
    # Ctrl-C is how a microphone ends.
    if isinstance(end, StreamError) or (isinstance(end, Interrupted) and end.signum != signal.SIGINT):
        raise end


def _until_stopped(blocks, interruption):
    """The blocks; signals interrupt the wait for a block, but not its processing, which would lose sounds."""
    interruption.saved = "all that was heard before is captioned"
    while True:
        interruption.hold = False
        interruption.check()
        block = next(blocks, None)
        if block is None:
            return
        interruption.hold = True
        yield block


def _check(options):
    unknown = [word for word in options.input if word != "-"]
    if unknown:
        raise ValueError(f"unexpected argument {unknown[0]}: expected - for standard input, or section.key=value")
    raw = [name for name in ("rate", "channels") if getattr(options, name) is not None]
    if options.raw is None and raw:
        raise ValueError(f"--{raw[0]} is for raw samples: give --raw s16le, too")
    if options.raw is not None and options.rate is None:
        raise ValueError("--raw needs the sample rate of the samples: --rate 16000")
    check_number("--rate", options.rate, at_least=1000, at_most=768_000)
    check_number("--channels", options.channels, at_least=1, at_most=256)
    if not options.input and options.raw is not None:
        raise ValueError("--raw is for standard input: add -")
    if options.input and options.device is not None:
        raise ValueError("--device is for a microphone: leave - out")
    if options.input and sys.stdin is None:
        raise ValueError("standard input is closed: pipe a sound into it, or leave - out for the microphone")
    if options.input and sys.stdin.isatty():
        raise ValueError("standard input is a terminal: pipe a sound into it, or leave - out for the microphone")


def _print(updates, as_json):
    for one in updates:
        if as_json:
            print_json({**as_dict(one.segment), "ended": one.ended, "new": one.new})
        elif one.new:
            minutes, seconds = divmod(one.segment.begin, 60)
            print(
                f"{int(minutes) // 60:02d}:{int(minutes) % 60:02d}:{seconds:04.1f}\t{one.segment.caption}", flush=True
            )
