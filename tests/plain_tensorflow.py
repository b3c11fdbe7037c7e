"""Runs programs where only TensorFlow is installed. As a script, it is the process that runs them."""

import contextlib
import io
import json
import os
import subprocess
import sys
import traceback

ABSENT = ("aac_tf", "tensorflow_hub", "tensorflow_io", "transformers")


class PlainTensorFlow:
    """One process for all programs, as the import of TensorFlow takes seconds; each program has its own globals."""

    def __init__(self):
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        self._process = subprocess.Popen(
            [sys.executable, __file__], env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __call__(self, code, *arguments, folder=None):
        """Runs a program and returns the JSON in the last line that it prints, or None.

        Args:
            code: str, the program.
            arguments: its `sys.argv[1:]`.
            folder: path of its working directory.
        """
        request = {"code": code, "arguments": [str(argument) for argument in arguments], "folder": str(folder or "/")}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the process ended with code {self._process.wait()}"
        printed, error = json.loads(answer)
        assert error is None, error
        return json.loads(printed.splitlines()[-1]) if printed else None

    def close(self):
        """Ends the process."""
        self._process.communicate()


class _Absent:
    """Finder of modules that hides those in `ABSENT`."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _main():
    del sys.path[0]  # the folder of the tests
    sys.meta_path.insert(0, _Absent)
    for line in sys.stdin:
        request, printed, error = json.loads(line), io.StringIO(), None
        os.chdir(request["folder"])
        sys.argv[1:] = request["arguments"]
        try:
            with contextlib.redirect_stdout(printed):
                exec(request["code"], {"__name__": "__main__"})
        except Exception:
            error = traceback.format_exc()
        print(json.dumps([printed.getvalue(), error]), flush=True)


if __name__ == "__main__":
    _main()
