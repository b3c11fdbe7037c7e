"""`caption.py`: captions sound files with a trained model."""

import contextlib
import functools
import os
import pathlib

from aac_tf.cli.caption_timeline import add_timeline_flags, caption_over_time, check_timeline_flags
from aac_tf.cli.checks import check_no_override, check_picture, check_runs, missing_files
from aac_tf.cli.console import FAILED, PARTLY, make_parser, print_json, run_command, start_tensorflow
from aac_tf.cli.flags import (
    add_json_flag,
    add_run_flag,
    add_search_flags,
    are_several_runs,
    given_runs,
    search_overrides,
    take_overrides,
)
from aac_tf.cli.loading import loading
from aac_tf.cli.output_names import distinct_stems
from aac_tf.cli.runs import open_runs
from aac_tf.utils.counting import counted
from aac_tf.utils.timeline_formats import sound_as_dict

# Up to here, optimizing the graph, which takes TensorFlow half a second, takes longer than it saves.
_BRIEF_FILES, _BRIEF_SECONDS = 16, 120


def main(arguments=None):
    """Runs the command; returns its exit code."""
    parser = make_parser(
        ("caption.py", "aac-caption"),
        "Describe each sound file in a sentence.",
        "caption.py dog.wav rain.flac\ncaption.py --run runs/demo --beam 3 dog.wav\n"
        "caption.py --timeline --format srt --output subtitles film.mp3",
        partly=True,
    )
    add_run_flag(parser, default="everyday", several=True)
    add_search_flags(parser)
    parser.add_argument(
        "--attention",
        metavar="OUT.png",
        help="plot the attention of each word (several files: one OUT-NAME.png each); the papers use --beam 1",
    )
    # One comma-separated argument: with nargs="+" it would swallow the files that follow.
    parser.add_argument("--words", metavar="WORD,...", help="plot only these words of the caption")
    parser.add_argument("--text", help="plot the attention of this caption instead of the generated one")
    parser.add_argument(
        "--sounds", action="store_true", help="add the AudioSet classes that YAMNet hears, if the run uses YAMNet"
    )
    add_timeline_flags(parser)
    add_json_flag(
        parser, "print one JSON object per file, with log-probability, confidence, alternatives, word times and sounds"
    )
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="sound file: WAV, FLAC, Ogg, MP3 and others; - is standard input. A key=value, such as "
        "embedding.source=FOLDER, overrides a config key that can be changed after training",
    )
    return run_command(_caption, parser, arguments)


def _caption(options, console):
    with contextlib.ExitStack() as settings:
        return _caption_files(options, console, settings)


def _caption_files(options, console, settings):
    if options.attention is None and (options.words or options.text):
        raise ValueError("--words and --text need --attention OUT.png")
    overrides = [*take_overrides(options.files), *search_overrides(options)]
    if not options.files:
        raise ValueError("give at least one sound file")
    check_no_override(options.files)
    check_timeline_flags(options)
    runs, rerank = open_runs(options)
    check_runs(runs, overrides, rerank)
    if options.attention is not None:
        check_picture(options.attention)
    missing = missing_files(options.files)
    for path in options.files:
        if path in missing:
            console.show(f"skipped: {path}: {missing[path]}")
    skipped, plots = 0, _plot_paths(options)
    usable = [path for path in options.files if path not in missing]
    captioner, known, save = None, None, None
    if usable:
        with loading(" and ".join(given_runs(options))):
            start_tensorflow(options)
            if _are_brief(usable):
                settings.enter_context(_unoptimized_graphs())
            captioner, save = _open(options, runs, rerank, overrides)
        known = _check_captioner(captioner, options, runs, console)
    if options.timeline:
        return caption_over_time(options, console, captioner, missing)
    found = captioner.caption_each(usable) if usable else iter(())
    for index, path in enumerate(options.files):
        reason, caption = missing.get(path), None
        if reason is None:
            caption = next(found)
            reason = getattr(caption, "reason", None)  # of an `AudioError`
            if reason is not None:
                console.show(f"skipped: {path}: {reason}")
        if reason is not None:
            skipped += 1
            if options.json:
                print_json({"file": path, "error": reason})
            continue
        if options.attention is not None:
            _plot(captioner, options, path, caption, plots[index])
            console.show(f"wrote {plots[index]}")
        if options.json:
            print_json({"file": path, **_as_json(caption), "trained_on": known})
        else:
            sounds = f"\t{_described(caption.sounds)}" if options.sounds else ""
            print(f"{path}\t{caption.text}{sounds}", flush=True)
        if caption.unsure:
            console.show(f"unsure: {path}: confidence {caption.confidence:.2f}")
    if skipped:
        console.show(f"{skipped} of {counted(len(options.files), 'file')} skipped")
    if save is not None:
        save()
    return (FAILED if skipped == len(options.files) else PARTLY) if skipped else None


def _check_captioner(captioner, options, runs, console):
    """Checks that the captioner does what is asked for, and says what it was trained on, which it returns."""
    from aac_tf.audio.source import STANDARD_INPUT, read_standard_input
    from aac_tf.runs.card import trained_on

    if options.sounds and not captioner.class_names:
        raise ValueError(f"--sounds needs a run with YAMNet: {options.run} has no classifier of sounds")
    names = given_runs(options)
    for name, run in zip(names[1:], runs[1:]):
        console.show(f"{name} was {trained_on(run)}")
    known = trained_on(runs[0])
    console.show(f"{names[0]} was {known}")
    if STANDARD_INPUT in options.files:
        read_standard_input()  # here, as Ctrl-C cannot interrupt the threads that read files
    return known


@contextlib.contextmanager
def _unoptimized_graphs():
    """Lets TensorFlow compute graphs as they are."""
    import tensorflow as tf

    before = tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": before})


def _are_brief(paths):
    """Whether sounds are known to be so few and short that an optimized graph takes longer than it saves."""
    import soundfile

    if len(paths) > _BRIEF_FILES or not all(map(os.path.isfile, paths)):
        return False
    try:
        return sum(soundfile.info(path).duration for path in paths) < _BRIEF_SECONDS
    except (soundfile.SoundFileError, TypeError, ValueError):
        # One that FFmpeg may read, a .raw, for which soundfile needs arguments, or a name with bytes that are no text.
        return False


def _open(options, runs, rerank, overrides):
    """The captioner, from the cache if possible, and a function that saves it there, or None."""
    # A stored captioner only captions whole sounds.
    plain = not are_several_runs(options) and options.text is None and not options.timeline
    if plain:
        from aac_tf.inference.stored import CacheEntry

        entry = CacheEntry(runs[0], overrides, options.beam)
        captioner = entry.load()
        if captioner is not None:
            return captioner, None
    from aac_tf.inference.captioner import Captioner

    captioner = Captioner.load(runs, overrides, rerank)
    captioner.search = captioner.search_for(options.beam)
    return captioner, functools.partial(entry.save, captioner) if plain else None


def _as_json(caption):
    """A `Caption` as a dict for JSON."""
    named = caption.named_sounds and [
        {"name": sound.name, "confidence": sound.confidence} for sound in caption.named_sounds
    ]
    return {
        "caption": caption.text,
        "log_prob": caption.log_prob,
        "confidence": caption.confidence,
        "unsure": caption.unsure,
        "named_sounds": named,
        "alternatives": [{"caption": other.text, "log_prob": other.log_prob} for other in caption.alternatives],
        "words": [{"word": word.text, "peak": word.peak, "interval": word.interval} for word in caption.words],
        "sounds": caption.sounds and [sound_as_dict(sound) for sound in caption.sounds],
    }


def _described(sounds):
    """Sounds in one line of text."""
    if not sounds:
        return "none recognized"
    return ", ".join(
        f"{sound.name} {sound.score:.2f} ({sound.interval[0]:.1f}-{sound.interval[1]:.1f} s)" for sound in sounds
    )


def _plot_paths(options):
    """The path of each file's attention plot; files of the same name are numbered by their position."""
    if options.attention is None:
        return []
    out = pathlib.Path(options.attention)
    out.parent.mkdir(parents=True, exist_ok=True)
    if len(options.files) == 1:
        return [out]
    names = distinct_stems(options.files)
    return [out.with_name(f"{out.stem}-{name}{out.suffix}") for name in names]


def _plot(captioner, options, path, caption, out):
    """Writes the attention plot of a file."""
    from aac_tf.evaluation.attention_map import save_attention_map

    if options.text is not None:
        caption = captioner.attend(path, options.text)
    words = options.words and options.words.split(",")
    if words and len(options.files) > 1:  # not every caption has all of them
        words = [word for word in words if word in caption.text.split()]
    save_attention_map(out, caption, path, words)
