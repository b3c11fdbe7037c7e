"""Ctrl-C while a command waits for its input."""

import os
import pathlib
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[2]
# What `caption.py` does, with a message when it is about to read.
SCRIPT = """
import signal
import sys
from aac_tf.audio import source
from aac_tf.cli.caption import main

read = source.read_standard_input

def announced():
    print("reading", flush=True)
    return read()

source.read_standard_input = announced
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
sys.exit(main())
"""


def test_ctrl_c_ends_a_command_that_reads_standard_input(one_run):
    command = [sys.executable, "-c", SCRIPT, "--run", str(one_run.folder), "-"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # A pipe that nobody writes to.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout.readline() == "reading\n"
        time.sleep(0.5)  # now it waits
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(timeout=60) == 130  # nothing else would end it
        finally:
            process.kill()
        assert process.stderr.read().splitlines()[-1] == "interrupted"
