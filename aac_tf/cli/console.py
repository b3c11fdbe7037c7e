"""What all commands share: quiet start-up, common flags, progress, readable errors, exit codes."""

import argparse
import contextlib
import io
import os
import sys

from tqdm import tqdm

# Exit codes.
OK, FAILED, MISUSED, PARTLY, INTERRUPTED = 0, 1, 2, 3, 130

# What the user can mend in a command, config or file; of the project's errors the others are RuntimeErrors.
_MISTAKES = (
    ValueError,
    FileExistsError,
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)


class Console:
    """Shows progress and messages on standard error; results go to standard output, which others may read.

    Attributes:
        interactive: bool, whether a person is watching a terminal.
    """

    def __init__(self):
        self.interactive = sys.stderr.isatty()

    def progress(self, what):
        """A function `(done, total)` that shows a bar once the work has lasted two seconds."""
        bars = []

        def update(done, total):
            if not bars:
                interval = 0.1 if self.interactive else 10
                bars.append(tqdm(total=total, desc=what, file=sys.stderr, delay=2, mininterval=interval))
            bars[0].update(done - bars[0].n)
            if done >= total:
                bars[0].close()

        return update

    def show(self, text):
        """Prints a line of text."""
        print(text, file=sys.stderr, flush=True)

    def left_out(self, split, clips):
        """Says which clips of a `ClipList` were left out: the first ten by name, and how many in all."""
        for name, reason in clips.left_out[:10]:
            self.show(f"  left out: {name}: {reason}")
        if clips.left_out:
            self.show(f"{split}: {len(clips)} clips, {len(clips.left_out)} left out")
        else:
            self.show(f"{split}: {len(clips)} clips")


def make_parser(commands, about, example, partly=False):
    """An argument parser with what all commands have: an example, exit codes, `--debug`.

    Args:
        commands: names of the command, the first as it is in a checkout, the last as it is installed.
        about: str, what it does.
        example: str, with the first name.
        partly: bool, whether it may leave files out and go on.
    """
    name = commands[-1] if os.path.basename(sys.argv[0]) == commands[-1] else commands[0]
    left_out = "3 done, but some files were left out; " if partly else ""
    codes = f"exit codes: 0 done; 1 failed; 2 wrong usage, config or data; {left_out}130 interrupted; 143 terminated"
    parser = argparse.ArgumentParser(
        prog=name,
        description=about,
        epilog=f"example:\n  {example.replace(commands[0], name)}\n\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="on an error, show where in the program it happened")
    return parser


def run_command(main, parser, arguments=None):
    """Runs a command and turns what goes wrong into one readable line.

    Args:
        main: function `(options, console) -> exit code`; it may raise any of the project's errors.
        parser: from `make_parser`.
        arguments: list of str; None takes the program's.

    Returns:
        The exit code.
    """
    # Intermixed: `--run RUN key=value --resume` is as good as any other order.
    options = parser.parse_intermixed_args(arguments)
    _quiet_start()
    try:
        return main(options, Console()) or OK
    except KeyboardInterrupt as error:
        print(str(error) or "interrupted", file=sys.stderr)
        return 128 + getattr(error, "signum", INTERRUPTED - 128)
    except BrokenPipeError:
        # The reader of our output, such as `head`, has left; so nobody minds, and Python shall not say so at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        if options.debug:
            raise
        module = type(error).__module__
        ours = module.startswith("aac_tf") or (module == "builtins" and isinstance(error, (ValueError, OSError)))
        text = " ".join(str(error).split()) or type(error).__name__
        kind = "" if ours else f"{type(error).__name__}: "
        print(f"error: {kind}{text[:600]}", file=sys.stderr)
        if not ours:
            print("(--debug shows where in the program this happened)", file=sys.stderr)
        return MISUSED if ours and isinstance(error, _MISTAKES) else FAILED


def _quiet_start():
    """Keeps TensorFlow's and Keras' start-up messages from people who only want a caption."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        import keras_nlp  # noqa: F401 - prints its backend, to standard output, when it is imported
        import tensorflow as tf

    tf.get_logger().setLevel("ERROR")
