"""`caption.py`: captions sound files with a trained run."""

import json
import pathlib

from aac_tf.cli.console import FAILED, PARTLY, make_parser, run_command


def main(arguments=None):
    """Parses and runs; returns the exit code."""
    parser = make_parser(
        ("caption.py", "aac-caption"),
        "Say in a sentence what sound files hold.",
        "caption.py --run runs/demo --beam 3 dog.wav rain.flac",
        partly=True,
    )
    parser.add_argument("--run", required=True, help="folder of the trained run")
    parser.add_argument("--beam", type=int, help="beam size; 1 is greedy search (default: the run's)")
    parser.add_argument(
        "--attention",
        metavar="OUT.png",
        help="draw what each word listened to (of several files: OUT-NAME.png each); --beam 1 is the paper's way",
    )
    # One argument: a list would take the files that follow it, too.
    parser.add_argument("--words", metavar="WORD,...", help="words of the caption that are drawn (default: all)")
    parser.add_argument("--text", help="draw the attention of this caption instead of the model's own")
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line, with log-probability, alternatives, words"
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="WAV, FLAC, OGG or MP3")
    return run_command(_run, parser, arguments)


def _run(options, console):
    from aac_tf.audio import AudioError
    from aac_tf.inference.captioner import Captioner

    if options.attention is None and (options.words or options.text):
        raise ValueError("--words and --text are about the picture: add --attention OUT.png")
    pictures = _pictures(options)
    captioner = Captioner.load(options.run)
    bad = 0
    for index, (path, caption) in enumerate(zip(options.files, captioner.caption_each(options.files, options.beam))):
        if isinstance(caption, AudioError):
            bad += 1
            console.show(f"left out: {path}: {caption.reason}")
            if options.json:
                print(json.dumps({"file": path, "error": caption.reason}), flush=True)
            continue
        if options.attention is not None:
            _draw(captioner, options, path, caption, pictures[index])
            console.show(f"drew {pictures[index]}")
        if options.json:
            alternatives = [{"caption": other.text, "log_prob": other.log_prob} for other in caption.alternatives]
            words = [{"word": word.text, "peak": word.peak, "interval": word.interval} for word in caption.words]
            result = {"file": path, "caption": caption.text, "log_prob": caption.log_prob, "alternatives": alternatives}
            print(json.dumps({**result, "words": words}, ensure_ascii=False), flush=True)
        else:
            print(f"{path}\t{caption.text}", flush=True)
    if bad:
        console.show(f"{bad} of {len(options.files)} files left out")
    return (FAILED if bad == len(options.files) else PARTLY) if bad else None


def _pictures(options):
    """Where each file's picture goes; two files of one name are told apart by their position."""
    if options.attention is None:
        return []
    out = pathlib.Path(options.attention)
    out.parent.mkdir(parents=True, exist_ok=True)
    if len(options.files) == 1:
        return [out]
    stems = [pathlib.Path(path).stem for path in options.files]
    names = [f"{stem}-{at}" if stems.count(stem) > 1 else stem for at, stem in enumerate(stems, 1)]
    return [out.with_name(f"{out.stem}-{name}{out.suffix}") for name in names]


def _draw(captioner, options, path, caption, out):
    """Writes the picture of a file's attention."""
    from aac_tf.evaluation.attention_map import save_attention_map

    if options.text is not None:
        caption = captioner.attend(path, options.text)
    words = options.words and options.words.split(",")
    if words and len(options.files) > 1:  # each caption has its own
        words = [word for word in words if word in caption.text.split()]
    save_attention_map(out, caption, path, words)
