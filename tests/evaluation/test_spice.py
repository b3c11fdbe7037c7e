"""SPICE: its command line, how its output is read, and what happens where it cannot run."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from aac_tf.evaluation import MetricError, missing_metrics, score_captions
from aac_tf.evaluation.java import jars, spice
from aac_tf.evaluation.java.process import find_java
from aac_tf.evaluation.java.spice import read_spice, score_spice
from aac_tf.evaluation.scoring import compute_scores

FILL_CACHE = pathlib.Path(__file__).parent / "spice_tuples" / "fill_cache.jar"

REFERENCES = {"x": ["a dog barks", "the dog is barking"], "y": ["rain falls on a roof"], "z": ["wind blows"]}
PREDICTIONS = {"z": "wind", "x": "a dog", "y": "rain falls"}


def result(row, f):
    return {"image_id": row, "scores": {"All": {"f": f, "tp": 1}}}


def test_scores_stay_with_their_captions(fake_spice):
    fake_spice({"wind": 0.25, "a dog": 0.5, "rain falls": 1.0})
    corpus, per_item = score_captions(PREDICTIONS, REFERENCES, ["cider", "spice", "spider"])
    assert [per_item[item]["spice"] for item in "xyz"] == [0.5, 1.0, 0.25]
    assert corpus["spice"] == pytest.approx(1.75 / 3)
    assert corpus["spider"] == pytest.approx((corpus["spice"] + corpus["cider"]) / 2)
    for scores in per_item.values():
        assert scores["spider"] == pytest.approx((scores["spice"] + scores["cider"]) / 2)


def test_spider_alone_gives_no_other_score(fake_spice):
    fake_spice({"wind": 0.25, "a dog": 0.5, "rain falls": 1.0})
    corpus, per_item = score_captions(PREDICTIONS, REFERENCES, ["spider"])
    assert set(corpus) == set(per_item["x"]) == {"spider"}


@pytest.mark.real_data
def test_published_scores_are_reproduced(real_data, fake_spice):
    golden = json.loads((real_data / "golden_metrics" / "spice_12_clips.json").read_text())
    ids = golden["per_item"]["ids"]
    # The pairing must not depend on the order: here tokenized captions and scores, below raw captions in reverse order.
    fake_spice({golden["tokenized"][i]["candidate"]: f for i, f in zip(ids, golden["per_item"]["SPICE"])})
    raw = {i: golden["raw"][i] for i in reversed(ids)}
    predictions = {i: texts["candidate"] for i, texts in raw.items()}
    corpus, per_item = score_captions(predictions, {i: texts["references"] for i, texts in raw.items()})
    for name, published in golden["corpus"].items():
        assert corpus[name.lower().replace("-", "_")] == pytest.approx(published, abs=1e-9), name
    for name in ("BLEU-4", "ROUGE_L", "METEOR", "CIDEr", "SPICE"):
        for item, published in zip(ids, golden["per_item"][name]):
            assert per_item[item][name.lower().replace("-", "_")] == pytest.approx(published, abs=1e-9), (name, item)


def test_the_command_line_has_what_spice_needs(fake_spice):
    seen = fake_spice({"a dog": 0.5})
    score_spice(["a dog"], [["the dog"]])
    arguments = json.loads(seen.read_text())["arguments"]
    class_path = arguments[arguments.index("-cp") + 1].split(os.pathsep)
    assert all(pathlib.Path(path).is_file() for path in class_path)
    names = [pathlib.Path(path).name for path in class_path]
    assert {"spice-1.0.jar", "Meteor-1.5.jar", "stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar"} < set(
        names
    )
    for package in ("lang", "math", "util", "util.concurrent", "net", "text"):
        assert f"java.base/java.{package}=ALL-UNNAMED" in arguments
    assert "-jar" not in arguments


def test_captions_are_parsed_in_chunks_references_first(fake_spice):
    seen = fake_spice()
    count = 2 * spice._CHUNK
    bars = {}
    scores = score_spice(
        [f"word {k}" for k in range(count)],
        [[f"{k} words", "all have this"] for k in range(count)],
        lambda what: lambda *progress: bars.setdefault(what, []).append(progress),
    )
    assert scores == [0.5] * count
    requests = json.loads(seen.read_text())["requests"]
    parsed = [request for request in requests if isinstance(request[0], str)]
    assert requests[: len(parsed)] == parsed
    assert all(len(request) <= spice._CHUNK for request in requests)
    order = [caption for request in parsed for caption in request]
    assert order[: count + 1] == ["0 words", "all have this", *(f"{k} words" for k in range(1, count))]
    assert order[count + 1 :] == [f"word {k}" for k in range(count)]
    ((what, progress),) = bars.items()
    assert "SPICE" in what
    assert progress == [(min(done, 801), 801) for done in range(0, 1001, 200)]


def test_a_very_long_caption_is_named_and_the_others_are_scored(fake_spice):
    long = "dog " * 101
    seen = fake_spice()
    references = {"a": ["the dog"], "b": ["the dog", long], "c": [long], "d": ["the dog"]}
    predictions = {"a": long, "b": "the dog", "c": "the dog", "d": "dog"}
    scores = compute_scores(predictions, references, ["spice"])
    assert [scores.per_item()[item]["spice"] for item in "abcd"] == [0, 1, 0, 1]
    assert scores.corpus() == {"spice": 0.5}
    assert scores.notes == {
        "spice": {
            "a": "the caption has 101 words, more than 100: it scores 0",
            "b": "1 reference of more than 100 words (101): left out",
            "c": "1 reference of more than 100 words (101): all of them, so it scores 0",
        }
    }
    sent = [
        words for request in json.loads(seen.read_text())["requests"] for words in request if isinstance(words, str)
    ]
    assert sorted(sent) == ["dog", "the dog"]


TUPLES = {
    "a dog barks": [["dog"], ["dog", "bark"]],
    "the dog is loud": [["dog"], ["dog", "loud"]],
    "rain falls on a roof": [["rain"], ["roof"], ["rain", "roof", "fall on"]],
    "a loud dog": [["dog"], ["dog", "loud"]],
    "rain": [["rain"]],
}


@pytest.fixture
def real_spice(tmp_path, monkeypatch):
    """The real SPICE with the parses of some captions in its cache. It cannot parse others: the tokenizer's CoreNLP has
    no grammar."""
    monkeypatch.setenv("AAC_TF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(spice, "find_corenlp", lambda: [jars.PTB_TOKENIZER])
    if not spice._cache():
        pytest.skip("SPICE's cache has native code for x86_64 only")
    class_path = [FILL_CACHE, jars.SPICE, *sorted(jars.SPICE_LIBRARIES.glob("*.jar"))]
    command = [find_java(), *spice._OPEN, "-cp", os.pathsep.join(map(str, class_path)), "FillCache", *spice._cache()]
    subprocess.run(command, input=json.dumps(TUPLES).encode(), check=True, capture_output=True)


def test_the_real_spice_scores_parsed_captions_and_leaves_no_files(real_spice, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(spice, "_OPEN", [*spice._OPEN, f"-Djava.io.tmpdir={tmp_path / 'temporary'}"])
    references = [["a dog barks", "the dog is loud"], ["rain falls on a roof"], ["a dog barks"]]
    monkeypatch.setattr(spice, "_CHUNK", 2)
    # F-scores of 2 of 3 tuples and of 1 of 3, each without a wrong one.
    assert score_spice(["a loud dog", "rain", "rain"], references) == [pytest.approx(0.8), pytest.approx(0.5), 0]
    assert list((tmp_path / "temporary").iterdir()) == []


def test_only_long_captions_are_not_cached(real_spice, monkeypatch):
    monkeypatch.setattr(spice, "_LONGEST_KEY", len("a dog barks"))
    assert score_spice(["rain"], [["a dog barks"]]) == [0]
    with pytest.raises(MetricError, match="englishPCFG"):  # it must parse what it did not look up
        score_spice(["rain"], [["the dog is loud"]])


def test_spice_runs_on_the_bundled_java_without_a_cache():
    with spice._program([jars.PTB_TOKENIZER], []) as program:
        assert program.ask("[]") == ["0"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_evaluation_leaves_no_files_and_no_program(how, fake_java, spice_jars, tmp_path):
    fake_java(
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "for line in sys.stdin: pass\n"
        f"open({str(tmp_path / 'ended')!r}, 'w').close()\n"
    )
    (tmp_path / "temporary").mkdir()
    source = "from aac_tf.evaluation.java.spice import score_spice\nscore_spice(['a dog'], [['the dog']])"
    environment = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
    python = subprocess.Popen([sys.executable, "-c", source], env=environment)
    try:
        while not (tmp_path / "pid").exists():
            assert python.poll() is None
            time.sleep(0.02)
        python.send_signal(how)
        python.wait(30)
    finally:
        python.kill()
    for _ in range(500):
        if (tmp_path / "ended").exists():
            break
        time.sleep(0.02)
    assert (tmp_path / "ended").exists()
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a list of scores: ''"),
        ("[1]", "is not a list of scores"),
        (json.dumps([result(0, 0.5)]), "scored 1 caption, expected 2"),
        (json.dumps([result(0, 0.5), result(0, 0.5)]), "scored 2 captions, expected 2, each exactly once"),
        (json.dumps([result(0, 0.5), result(7, 0.5)]), "each exactly once"),
        (json.dumps([result(0, 0.5), result(1, None)]), r"must be in \[0, 1\]; 1 are not, the first is None"),
        (json.dumps([result(0, 0.5), result(1, float("nan"))]), "the first is nan"),
    ],
)
def test_scores_that_do_not_fit_are_refused(text, message):
    with pytest.raises(MetricError, match=message):
        read_spice(text, [0, 1])


def test_a_failing_cache_is_turned_off(fake_java, spice_jars, caplog):
    fake_java(
        "if arguments[-2] == 'SpiceProgram':\n"
        "    answer = json.dumps([{'image_id': 0, 'scores': {'All': {'f': 0.5}}}])\n"
        "    for line in sys.stdin: print(answer, flush=True)\n"
        "sys.exit('org.fusesource.lmdbjni.LMDBException: no space\\n at org.fusesource.lmdbjni.Env.open')\n"
    )
    assert score_spice(["a dog"], [["the dog"]]) == [0.5]
    if os.uname().machine == "x86_64":
        assert "no space" in caplog.text


def test_it_is_not_computed_without_its_files(no_spice, fense_weights):
    corpus, per_item = score_captions({"x": "a dog"}, REFERENCES)
    assert "meteor" in corpus
    assert not {"spice", "spider"} & (corpus.keys() | per_item["x"].keys())
    missing = missing_metrics()
    assert set(missing) == {"spice", "spider", "spider_max", "spider_fl", "spider_fl_tiny"}
    assert all("aac-download corenlp" in reason and "Stanford CoreNLP" in reason for reason in missing.values())
    for name in ("spice", "spider"):
        with pytest.raises(MetricError, match=rf"^{name} cannot be computed: .*aac-download corenlp"):
            score_captions({"x": "a dog"}, REFERENCES, ["bleu", name])


def test_a_truncated_jar_is_named(spice_jars):
    assert "spice" not in missing_metrics()
    models = spice_jars / "stanford-corenlp-3.6.0-models.jar"
    models.write_bytes(models.read_bytes()[:-30])
    assert missing_metrics()["spice"] == f"{models} is incomplete or damaged; `aac-download corenlp` downloads it again"
    with pytest.raises(MetricError, match=r"models\.jar is incomplete or damaged"):
        score_spice(["a dog"], [["the dog"]])
