"""What commands say on a terminal while TensorFlow and a model are loaded."""

import os
import pty
import subprocess
import sys

import pytest

SCRIPT = """
import sys, time
from aac_tf.cli import loading as module
from aac_tf.cli.console import Console, silenced
module._SECONDS = 0.2
with module.loading("everyday"):
    if "message" in sys.argv:
        Console().show("a message")
    with module.loading("TensorFlow"), silenced():
        time.sleep(0 if "quick" in sys.argv else 0.6)
time.sleep(0.4)
print("a result")
"""


def run(terminal, *arguments):
    """Runs the script; returns standard output, and standard error, which is a terminal or a pipe."""
    command = [sys.executable, "-c", SCRIPT, *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    if not terminal:
        done = subprocess.run(command, capture_output=True, env=environment, text=True, check=True)
        return done.stdout, done.stderr
    leader, follower = pty.openpty()
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=follower, env=environment, text=True, check=True)
        os.write(follower, b"end")  # of what is read below
        printed = b""
        while not printed.endswith(b"end"):
            printed += os.read(leader, 1024)
    finally:
        os.close(follower)
        os.close(leader)
    return done.stdout, printed.decode().removesuffix("end").replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("terminal", "arguments", "said"),
    [
        (True, [], "loading everyday ...\n"),
        (True, ["message"], "a message\n"),
        (True, ["quick"], ""),
        (False, [], ""),
    ],
)
def test_a_silent_command_says_what_it_loads(terminal, arguments, said):
    assert run(terminal, *arguments) == ("a result\n", said)
