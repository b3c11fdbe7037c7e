"""TensorFlow's start without the lines that it logs."""

import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
from aac_tf.utils.quiet import quiet_start
print("before", file=sys.stderr)
with quiet_start():
    os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\\n")
    os.write(2, b"I0000 00:00:1795666908.783500   11301 port.cc:153] oneDNN custom operations are on.\\n")
    os.write(2, b"2026-01-01 10:00:00.000000: I tensorflow/core/util/port.cc:153] oneDNN is on.\\n")
    os.write(2, b"E0000 00:00:1795666908.783500   11301 cuda_fft.cc:1] Unable to register\\n")
    print("a warning", file=sys.stderr)
    END
print("after", file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("end", "code", "told"),
    [
        ("pass", 0, "before E0000 warning after"),
        ("raise ImportError('libcuda')", 1, "before E0000 warning Traceback libcuda"),
        ("os.abort()", -6, "before Aborted"),
    ],
)
def test_only_information_is_left_out(end, code, told):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("END", end)], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    places = [done.stderr.index(word) for word in told.split()]
    assert places == sorted(places)
    assert "InitializeLog" not in done.stderr
    assert "oneDNN" not in done.stderr


def test_standard_error_may_be_closed():
    code = "import os; os.close(2)\nfrom aac_tf.utils.quiet import quiet_start\nwith quiet_start():\n    print('ran')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "ran\n")
