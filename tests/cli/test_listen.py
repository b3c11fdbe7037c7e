"""`aac-listen` with a pipe."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import types
import wave

import numpy as np
import pytest

from aac_tf.cli import listen
from aac_tf.inference import Listener

RATE = 16000
pytestmark = pytest.mark.usefixtures("loaded_once")


@pytest.fixture
def pipe(monkeypatch):
    """Function that gives bytes to standard input."""

    def give(contents, file=None, terminal=False):
        stdin = types.SimpleNamespace(buffer=file or io.BytesIO(contents), isatty=lambda: terminal)
        monkeypatch.setattr(sys, "stdin", stdin)

    return give


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    sound = np.concatenate([rng.normal(0, 0.1, 2 * RATE), np.zeros(2 * RATE), rng.normal(0, 0.1, RATE)])
    return np.round(sound * 32768).astype("<i2").tobytes()


@pytest.fixture(scope="module")
def run(small_runs, tmp_path_factory):
    """Arguments for a run that is forced to name sounds, as captions of function words alone are not reported."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    shutil.copytree(small_runs["AST"].folder, folder)
    config = (folder / "config.yaml").read_text()
    assert "forbidden_words: []" in config
    (folder / "config.yaml").write_text(config.replace("forbidden_words: []", "forbidden_words: [a, the, and, then]"))
    return ["--run", str(folder), "--beam", "1"]


def test_a_pipe_is_captioned_with_times(run, pipe, samples, capsys):
    pipe(samples)
    assert listen.main([*run, "--raw", "s16le", "--rate", "16000", "-"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0][0] == "00:00:00.0"
    assert len(lines) == 2
    assert all(line[1] for line in lines)


def test_it_searches_as_the_flags_and_keys_say(run, pipe, samples, capsys):
    pipe(samples)
    arguments = [*run[:2], "--search", "beam,beam_size=2", "decoding.min_words=5", "-", "decoding.max_words=6"]
    assert listen.main([*arguments, "--raw", "s16le", "--rate", "16000"]) == 0
    captions = [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()]
    assert captions
    assert all(5 <= len(caption.split()) <= 6 for caption in captions)


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("dog.wav", "unexpected argument dog.wav: expected - for standard input"),
        ("beam_size=3", "unexpected argument beam_size=3: expected - for standard input, or section.key=value"),
        ("decoder.units=3", "decoder.units"),
    ],
)
def test_other_arguments_are_refused(run, pipe, samples, capsys, argument, reason):
    pipe(samples)
    assert listen.main([*run, "--raw", "s16le", "--rate", "16000", "-", argument]) == 2
    assert reason in capsys.readouterr().err


def test_ctrl_c_ends_it_with_what_was_heard(run, pipe, samples, capsys):
    class Interrupted(io.BytesIO):
        def read1(self, size=-1):
            contents = super().read1(size)
            if not contents:
                raise KeyboardInterrupt
            return contents

    pipe(None, Interrupted(samples))
    assert listen.main([*run, "--json", "--raw", "s16le", "--rate", "16000", "-"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["end"] for one in found if one["ended"]][-1] == pytest.approx(5, abs=0.2)
    assert {*found[0]} == {"begin", "end", "caption", "confidence", "unsure", "sounds", "ended", "new"}


def test_sigterm_ends_it_with_what_was_heard(run, pipe, samples, capsys):
    class Terminated(io.BytesIO):
        def read1(self, size=-1):
            contents = super().read1(size)
            if not contents:
                os.kill(os.getpid(), signal.SIGTERM)
            return contents

    pipe(None, Terminated(samples))
    assert listen.main([*run, "--json", "--raw", "s16le", "--rate", "16000", "-"]) == 128 + signal.SIGTERM
    printed = capsys.readouterr()
    found = [json.loads(line) for line in printed.out.splitlines()]
    assert [one["end"] for one in found if one["ended"]][-1] == pytest.approx(5, abs=0.2)
    assert printed.err.splitlines()[-1] == "stopped by SIGTERM; all that was heard before is captioned"


def test_a_signal_does_not_interrupt_hearing(run, pipe, samples, monkeypatch):
    hear, heard = Listener.hear, []

    def interrupted(self, block):
        os.kill(os.getpid(), signal.SIGINT)
        updates = hear(self, block)
        heard.append(len(block))
        return updates

    monkeypatch.setattr(Listener, "hear", interrupted)
    pipe(samples)
    assert listen.main([*run, "--raw", "s16le", "--rate", "16000", "-"]) == 0
    assert len(heard) == 1


def test_another_format_ends_it_with_what_was_heard(run, pipe, samples, capsys):
    sounds = []
    for rate in (RATE, 8000):
        sounds.append(io.BytesIO())
        with wave.open(sounds[-1], "wb") as file:
            file.setparams((1, 2, rate, 0, "NONE", ""))
            file.writeframes(samples)
    pipe(b"".join(sound.getvalue() for sound in sounds))
    assert listen.main([*run, "-"]) == 2
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 2
    assert "a sound with another format follows" in printed.err


def test_a_short_sound_is_captioned(run, pipe, samples, capsys):
    pipe(samples[:3200])
    assert listen.main([*run, "--raw", "s16le", "--rate", "16000", "-"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize(
    ("flags", "terminal", "reason"),
    [
        (["--rate", "16000", "-"], False, "give --raw s16le, too"),
        (["--raw", "s16le", "-"], False, "needs the sample rate"),
        (["--raw", "s16le", "--rate", "1", "-"], False, "--rate must be at least 1000"),
        (["--raw", "s16le", "--rate", "16000"], False, "add -"),
        (["--device", "USB", "-"], False, "leave - out"),
        (["-"], True, "is a terminal"),
        (["--run", "none", "-"], False, "none is not a run folder"),
    ],
)
def test_refusals(pipe, flags, terminal, reason, capsys):
    pipe(b"", terminal=terminal)
    assert listen.main(flags) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("contents", "flags", "reason"),
    [
        (b"ID3\x03 no WAV", [], "expected a WAV stream, but it begins with b'ID3"),
        (b"", [], "expected a WAV stream, but nothing came"),
        (b"", ["--raw", "s16le", "--rate", "16000"], "standard input has no samples"),
    ],
)
def test_what_is_no_sound_is_refused_before_tensorflow_is_imported(
    run, pipe, contents, flags, reason, monkeypatch, capsys
):
    monkeypatch.setattr(listen, "load_captioner", lambda *_: pytest.fail("too late"))
    pipe(contents)
    assert listen.main([*run, *flags, "-"]) == 2
    assert reason in capsys.readouterr().err


def test_closed_standard_input_is_refused(run, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", None)
    assert listen.main([*run, "-"]) == 2
    assert "standard input is closed" in capsys.readouterr().err


def test_checks_import_no_tensorflow():
    code = "import sys; from aac_tf.cli import listen; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
