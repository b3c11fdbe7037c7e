"""SPICE: its command line, how its output is read, and what happens where it cannot run."""

import json
import os
import pathlib

import pytest

from aac_tf.evaluation import MetricError, missing_metrics, score_captions
from aac_tf.evaluation.java import jars, spice
from aac_tf.evaluation.java.spice import read_spice, score_spice

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
    arguments = json.loads(seen.read_text())
    class_path = arguments[arguments.index("-cp") + 1].split(os.pathsep)
    assert all(pathlib.Path(path).is_file() for path in class_path)
    names = [pathlib.Path(path).name for path in class_path]
    assert {"spice-1.0.jar", "Meteor-1.5.jar", "stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar"} < set(
        names
    )
    for package in ("lang", "math", "util", "util.concurrent", "net", "text"):
        assert f"java.base/java.{package}=ALL-UNNAMED" in arguments
    assert "-jar" not in arguments


def test_the_cache_is_off_for_long_captions(fake_spice):
    long = "dog " * 500
    seen = fake_spice({long: 0.5, "a dog": 0.5})
    score_spice(["a dog"], [["the dog"]])
    cached = "-cache" in json.loads(seen.read_text())
    score_spice([long], [["the dog"]])
    assert "-cache" not in json.loads(seen.read_text())
    assert cached == (os.uname().machine == "x86_64")


@pytest.mark.parametrize("cache", [False, True])
def test_spice_itself_runs_on_the_bundled_java(cache, tmp_path):
    # Without captions nothing is parsed, so the older CoreNLP of the tokenizer is sufficient. On Java 25, SPICE needs
    # our script engine to write scores, and opened packages for its cache.
    if cache and os.uname().machine != "x86_64":
        pytest.skip("SPICE's cache has native code for x86_64 only")
    assert spice._run([], [jars.PTB_TOKENIZER], ["-cache", str(tmp_path)] if cache else []) == []
    assert bool(list(tmp_path.iterdir())) == cache


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a list of scores: ''"),
        ("[1]", "is not a list of scores"),
        (json.dumps([result(0, 0.5)]), "scored 1 captions, expected 2"),
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
        "if '-cache' in arguments:\n"
        "    sys.exit('org.fusesource.lmdbjni.LMDBException: no space\\n at org.fusesource.lmdbjni.Env.open')\n"
        "out = arguments[arguments.index('-out') + 1]\n"
        "open(out, 'w').write(json.dumps([{'image_id': 0, 'scores': {'All': {'f': 0.5}}}]))\n"
    )
    assert score_spice(["a dog"], [["the dog"]]) == [0.5]
    if os.uname().machine == "x86_64":
        assert "no space" in caplog.text


def test_it_is_not_computed_without_its_files(no_spice, fense_weights):
    corpus, per_item = score_captions({"x": "a dog"}, REFERENCES)
    assert "meteor" in corpus
    assert not {"spice", "spider"} & (corpus.keys() | per_item["x"].keys())
    missing = missing_metrics()
    assert set(missing) == {"spice", "spider", "spider_fl", "spider_fl_tiny"}
    assert all("aac-evaluate --fetch-spice" in reason and "Stanford CoreNLP" in reason for reason in missing.values())
    for name in ("spice", "spider"):
        with pytest.raises(MetricError, match=r"aac-evaluate --fetch-spice"):
            score_captions({"x": "a dog"}, REFERENCES, ["bleu", name])
