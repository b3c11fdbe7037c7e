"""`python -m aac_tf COMMAND ...`: all commands under one name."""

import difflib
import importlib
import sys

# Name of the command to module in `aac_tf.cli` and what it does. `aac-NAME` is the same command.
COMMANDS = {
    "train": ("train", "train a captioner from a config"),
    "evaluate": ("evaluate", "score a run, or captions in a file"),
    "caption": ("caption", "describe sound files"),
    "listen": ("listen", "describe what a microphone hears"),
    "demo": ("demo", "open a page that captions sounds"),
    "calibrate": ("calibrate", "make captions of a run say how likely they are right"),
    "bank": ("bank", "find sounds for scenes in unlabelled recordings"),
    "average": ("average", "average the weights of several epochs of a run"),
    "prior": ("prior", "correct how often a captioner uses each word"),
    "download": ("download", "download datasets, and what captioning and scoring need"),
    "publish": ("publish", "write a trained run in the form for others to download"),
    "export": ("export", "export a run as a SavedModel"),
    "export-tflite": ("export_tflite", "export a run to LiteRT"),
    "caption-many": ("caption_many", "caption large collections of files on Apache Beam"),
    "embed-many": ("embed_many", "fill the embedding store on Apache Beam"),
}


def main(arguments=None):
    """Runs a command; returns its exit code.

    Args:
        arguments: list of str, the command's name and its arguments; None takes `sys.argv`.
    """
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in COMMANDS:
        sys.argv[0] = f"aac-{name}"  # the help page names it
        return importlib.import_module(f"aac_tf.cli.{COMMANDS[name][0]}").main(rest)
    listing = "".join(f"  {known:14} {about}\n" for known, (_, about) in COMMANDS.items())
    text = f"usage: python -m aac_tf COMMAND ...\n\ncommands (COMMAND --help describes each):\n{listing}"
    if name in ("-h", "--help"):
        print(text, end="")
        return 0
    close = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    print(f"error: unknown command {name}{hint}\n{text}", end="", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
