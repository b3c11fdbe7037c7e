"""Caption metrics."""

import json
import re

import pytest

from aac_tf.evaluation import score_captions
from aac_tf.evaluation.ptb import ptb_tokenize


def test_tokenizer_keeps_captions_apart():
    captions = ["A dog barks, twice.", "two\nlines", "", "it's loud!", "crème 🎵 brûlée"]
    assert ptb_tokenize(captions) == ["a dog barks twice", "two lines", "", "it 's loud", "crème brûlée"]


def test_scores_know_right_from_wrong():
    references = {"a": ["a dog barks twice", "a dog is barking"], "b": ["rain falls on a roof", "it rains"]}
    right, per_item = score_captions({"a": "a dog barks twice", "b": "rain falls on a roof"}, references)
    assert right["bleu_4"] == pytest.approx(1)
    assert right["rouge_l"] == pytest.approx(1)
    assert set(per_item) == {"a", "b"}
    assert set(per_item["a"]) == set(right)
    swapped, _ = score_captions({"a": "rain falls on a roof", "b": "a dog barks twice"}, references)
    assert all(swapped[name] < right[name] for name in right)


def test_items_keep_their_own_scores():
    references = {"x": ["a dog barks"], "y": ["rain falls on a roof"]}
    _, per_item = score_captions({"y": "rain falls on a roof", "x": "a cat meows"}, references, ["rouge_l"])
    assert per_item["y"]["rouge_l"] == pytest.approx(1)
    assert per_item["x"]["rouge_l"] < 0.5


@pytest.mark.parametrize(
    ("predictions", "metrics", "message"),
    [
        ({}, None, "no captions"),
        ({"z": "a"}, None, "no references.*'z'"),
        ({"x": "a"}, ["blue"], "unknown metric 'blue'"),
    ],
)
def test_mistakes_are_named(predictions, metrics, message):
    with pytest.raises(ValueError, match=message):
        score_captions(predictions, {"x": ["a dog"]}, metrics)


@pytest.mark.real_data
@pytest.mark.slow
def test_published_scores_are_reproduced(real_data):
    folder = real_data / "golden_metrics"
    predictions, references = {}, {}
    for block in re.split(r"----- File \d+ -----\n", (folder / "generated_captions_beam.txt").read_text())[1:]:
        item = f"{len(predictions):05d}"
        truth, predictions[item] = block.split("Pred:")
        references[item] = [line.strip() for line in truth.splitlines()[1:] if line.strip()]
    corpus, per_item = score_captions(predictions, references)
    published = json.loads((folder / "metrics_coco_beam.json").read_text())
    assert len(per_item) == 1045
    for name, score in corpus.items():
        assert score == pytest.approx(published[name]["score"], abs=1e-9), name
        for item, expected in published[name]["scores"].items():
            assert per_item[item][name] == pytest.approx(expected, abs=1e-9), (item, name)
