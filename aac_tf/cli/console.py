"""What all commands share: help pages, quiet start-up, progress, readable errors and exit codes."""

import argparse
import contextlib
import difflib
import io
import json
import os
import signal
import sys
import textwrap

from tqdm import tqdm

from aac_tf.cli.loading import loading, said_something
from aac_tf.errors import AacError
from aac_tf.utils.counting import counted

# Exit codes.
OK, FAILED, MISUSED, PARTLY = 0, 1, 2, 3

# Errors that the user can correct in the command, the config or a file (exit code 2). The package's other errors are
# RuntimeErrors (exit code 1).
_USER_ERRORS = (
    ValueError,
    FileExistsError,
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)


_HELP_WIDTH = 80
# Without tqdm's "it/s": what is counted may be clips, files or percent.
_BAR_FORMAT = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}]"
# Before arguments that are no flags; no argument can contain it.
_MARK = "\0"


class Console:
    """Prints progress and messages to standard error; standard output is for results that other programs may read.

    Attributes:
        interactive: bool, whether standard error is a terminal.
    """

    def __init__(self):
        self.interactive = sys.stderr.isatty()
        self._stream = _ForgivingStream(sys.stderr)

    def progress(self, what):
        """Returns a function `(done, total)` that shows a progress bar once the work has taken two seconds."""
        bars = []

        def update(done, total):
            if not bars:
                interval = 0.1 if self.interactive else 10
                bars.append(
                    tqdm(
                        total=total, desc=what, file=self._stream, delay=2, mininterval=interval, bar_format=_BAR_FORMAT
                    )
                )
            bars[0].update(done - bars[0].n)
            if done >= total:
                bars[0].close()

        return update

    def show(self, text):
        """Prints a line of text."""
        said_something()
        print(text, file=self._stream, flush=True)

    def skipped(self, clips):
        """Names the first ten of skipped clips, a list of (name, reason)."""
        for name, reason in clips[:10]:
            self.show(f"  skipped: {name}: {reason}")

    def left_out(self, split, clips):
        """Reports the skipped clips of a `ClipList`: the first ten by name, and their number."""
        self.skipped(clips.left_out)
        if clips.left_out:
            self.show(f"{split}: {counted(len(clips), 'clip')}, {len(clips.left_out)} skipped")
        else:
            self.show(f"{split}: {counted(len(clips), 'clip')}")


class _ForgivingStream:
    """A stream whose reader may have exited: what a command says about its work must not end the work."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, text):
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self):
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name):
        return getattr(self._stream, name)


def print_json(value):
    """Prints a JSON object as a line of standard output, readable if its encoding has all the characters.

    Numbers are rounded to six decimals: 4.544, not 4.5440000000000005.
    """
    value = _rounded(value)
    line = json.dumps(value, ensure_ascii=False)
    try:
        line.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        line = json.dumps(value)
    print(line, flush=True)


def _rounded(value):
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value


def make_parser(commands, about, example, partly=False):
    """Makes an argument parser with what all commands have: examples, exit codes and `--debug`.

    Args:
        commands: tuple of the command's names, the script in a checkout first, the installed command last.
        about: str, what the command does.
        example: str, one or several lines that call the command by its first name.
        partly: bool, whether the command skips files that it cannot use.

    Returns:
        `argparse.ArgumentParser`.
    """
    name = commands[-1] if os.path.basename(sys.argv[0]) == commands[-1] else commands[0]
    skipped = "3 done, but some files were skipped; " if partly else ""
    codes = f"exit codes: 0 done; 1 failed; 2 wrong usage, config or data; {skipped}130 interrupted; 143 terminated"
    examples = textwrap.indent(example.replace(commands[0], name), "  ")
    parser = argparse.ArgumentParser(
        prog=name,
        description=textwrap.fill(about, _HELP_WIDTH),
        epilog=f"example:\n{examples}\n\n{textwrap.fill(codes, _HELP_WIDTH)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,  # keeps the line breaks of the examples
    )
    parser.add_argument("--debug", action="store_true", help="on an error, show the traceback")
    return parser


def run_command(main, parser, arguments=None):
    """Runs a command and prints errors as one readable line.

    Args:
        main: function `(options, console) -> exit code`, or None for 0; it may raise any of the package's errors.
        parser: from `make_parser`.
        arguments: list of str; None takes `sys.argv`.

    Returns:
        The exit code.
    """
    _open_streams()
    options = _parse(parser, arguments)
    console = Console()
    try:
        return main(options, console) or OK
    except KeyboardInterrupt as error:
        console.show(str(error) or "interrupted")
        return 128 + getattr(error, "signum", signal.SIGINT)
    except BrokenPipeError:
        # The reader of our output, such as `head`, has exited. Python would report that when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        if options.debug:
            raise
        # Layers raise a plain ValueError for bad arguments, as Keras layers do.
        ours = isinstance(error, (AacError, OSError)) or type(error) is ValueError
        text = " ".join(str(error).split()) or type(error).__name__
        kind = "" if ours else f"{type(error).__name__}: "
        console.show(f"error: {kind}{text[:600]}")
        if not ours:
            console.show("(--debug shows the traceback)")
        return MISUSED if ours and isinstance(error, _USER_ERRORS) else FAILED


def split_arguments(arguments=None):
    """Splits a command line, by default `sys.argv`, at `--`; returns the arguments before and after it."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:end], arguments[end + 1 :]


def _parse(parser, arguments):
    """Parses a command line: flags and other arguments in any order, and no flags after `--`."""
    arguments, no_flags = split_arguments(arguments)
    # `parse_intermixed_args` forgets where `--` was, and would take a file named -x.wav for a flag.
    options, unknown = parser.parse_known_intermixed_args(arguments + [_MARK + argument for argument in no_flags])
    if unknown:
        unknown = [word.removeprefix(_MARK) for word in unknown]
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{_hint(parser, unknown[0].partition('=')[0])}")
    for name, value in vars(options).items():
        if isinstance(value, list):
            setattr(options, name, [item.removeprefix(_MARK) if isinstance(item, str) else item for item in value])
    return options


def _hint(parser, flag):
    """What the user may mean by an unknown flag: another one, an argument without a flag, or a key of the config."""
    name = flag.removeprefix("--").replace("-", "_")
    flags = [known for action in parser._actions for known in action.option_strings]
    near = difflib.get_close_matches(flag, flags, n=1, cutoff=0.7)
    if near:
        return f"; did you mean {near[0]}?"
    if any(action.dest == name for action in parser._actions if not action.option_strings):
        return f"; give {name.upper()} without {flag}"
    from aac_tf.config import describe_keys

    keys = [key for key, _, _ in describe_keys() if key.rpartition(".")[2] == name]
    takes_keys = any("key=value" in f"{action.metavar} {action.help}" for action in parser._actions)
    return f"; did you mean {keys[0]}=...?" if keys and takes_keys else ""


def _open_streams():
    """Makes standard output and error usable if they are closed, or lack characters of file names."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # Otherwise the next file that is opened would get the number, and all messages.
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def start_tensorflow(options):
    """Imports TensorFlow and its Keras without their start-up messages, unless `--debug` is set.

    Importing takes seconds, so commands call it after they have checked their arguments, config and files.

    Args:
        options: `argparse.Namespace` with `debug`.
    """
    with loading("TensorFlow"), contextlib.nullcontext() if options.debug else silenced():
        import tensorflow as tf

        _ = tf.keras.layers
    tf.get_logger().setLevel("ERROR")


@contextlib.contextmanager
def silenced():
    """Discards what the process prints while the context is active, also from C++ code; exceptions pass."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        standard_error, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        try:
            yield
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
            os.close(null)
