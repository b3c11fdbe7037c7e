"""`evaluate.py` on caption files; `tests/training/test_trainer.py` tests it on a run."""

import csv
import json

import pytest

from aac_tf.cli import evaluate
from aac_tf.cli.score_tables import print_scores
from aac_tf.config import Config

REFERENCES = {
    "a.wav": ["a dog barks twice", "a dog is barking"],
    "b.wav": ["rain falls on a roof", "it rains on a metal roof"],
    "c.wav": ["a man speaks in a room", "someone talks in a room"],
}
PREDICTIONS = {"c.wav": "a man speaks", "b.wav": "rain falls on a metal roof", "a.wav": "a dog is barking"}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Function that writes predictions to a file and returns its path; `references.csv` exists."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AAC_TF_CORENLP", str(tmp_path / "nothing"))
    monkeypatch.setenv("COLUMNS", "100")

    def write(name, captions):
        with open(name, "w", newline="") as file:
            csv.writer(file).writerows([["file_name", "caption_predicted"], *captions.items()])
        return name

    with open("references.csv", "w", newline="") as file:
        rows = [[name, *captions] for name, captions in REFERENCES.items()]
        csv.writer(file).writerows([["file_name", "caption_1", "caption_2"], *rows])
    write("mine.csv", PREDICTIONS)
    return write


def run(capsys, *arguments):
    code = evaluate.main(list(arguments))
    return (code, *capsys.readouterr())


MINE = ("--predictions", "mine.csv", "--references", "references.csv")


def test_scores_of_a_file(files, tmp_path, capsys):
    code, out, err = run(capsys, *MINE, "--output", "new/scores.json", "--show", "1")
    assert code == 0
    lines = {line.split("│")[1].strip(): line for line in out.splitlines() if line.startswith("│")}
    computed = {"bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "meteor", "cider (CIDEr-D)"}
    missing = {"spice", "spider", "sbert_sim", "fer", "fense", "spider_fl"}
    assert set(lines) == computed | missing
    assert all("not computed" in lines[name] for name in missing)
    (notice,) = [line for line in err.splitlines() if "aac-download" in line and "SPICE" in line]
    reason = "`aac-download corenlp` downloads Stanford CoreNLP for SPICE"
    assert notice == f"spice, spider and spider_fl were not computed: {reason}"
    assert "predicted: a dog is barking\n  reference: a dog barks twice" in out
    written = json.loads((tmp_path / "new" / "scores.json").read_text())
    assert f"{written['corpus']['meteor']:.3f}" in lines["meteor"]
    assert written["per_item"]["a.wav"]["rouge_l"] == pytest.approx(1)
    assert set(written["per_item"]) == set(REFERENCES)
    assert set(written["not_computed"]) == missing
    assert "spice" not in written["corpus"]


@pytest.mark.parametrize("names", [["bleu", "cider"], ["bleu,cider"]])
def test_machines_read_json(files, capsys, names):
    code, out, _ = run(capsys, *MINE, "--metrics", *names, "--json", "--confidence")
    assert code == 0
    found = json.loads(out)
    assert found["clips"] == 3
    assert set(found["corpus"]) == {"bleu_1", "bleu_2", "bleu_3", "bleu_4", "cider"} == set(found["confidence_95"])
    assert found["not_computed"] == {}
    low, high = found["confidence_95"]["bleu_1"]
    assert low <= found["corpus"]["bleu_1"] <= high


def test_two_files_are_compared(files, capsys):
    files("other.csv", {**PREDICTIONS, "a.wav": "rain"})
    code, out, _ = run(capsys, *MINE, "--metrics", "rouge_l", "--versus", "other.csv", "--confidence")
    assert code == 0
    assert "95 % interval" in out
    assert "compared with other.csv" in out
    files("größer.csv", {**PREDICTIONS, "a.wav": "rain"})
    _, out, _ = run(capsys, *MINE, "--metrics", "rouge_l", "--versus", "größer.csv", "--json")
    assert '"predictions": "größer.csv"' in out
    found = json.loads(out)
    difference = found["versus"]["differences"]["rouge_l"]
    assert difference["difference"] == pytest.approx(1 / 3)
    assert found["corpus"]["rouge_l"] - found["versus"]["corpus"]["rouge_l"] == pytest.approx(1 / 3)
    assert difference["low"] <= 1 / 3 <= difference["high"]
    assert 0 < difference["p_value"] <= 1


def test_corpus_statistics_are_shown_and_have_no_interval(files, capsys):
    names = ["--metrics", "vocabulary", "distinct", "mean_length", "cider_plain"]
    code, out, _ = run(capsys, *MINE, *names, "--confidence")
    assert code == 0
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if line.startswith("│")]
    assert [row[0] for row in rows] == [
        "cider_plain (CIDEr)",
        "vocabulary (different words)",
        "distinct_1",
        "distinct_2",
        "mean_length (words per caption)",
    ]
    assert rows[1][1:] == ["11", ""]
    assert rows[4][1] == "4.333"


def test_missing_predictions_are_named_or_skipped(files, capsys):
    files("mine.csv", {"a.wav": "a dog", "b.wav": "rain"})
    code, _, err = run(capsys, *MINE, "--metrics", "rouge_l")
    assert code == 2
    assert "1 files without a prediction (--partial skips them): 'c.wav'" in err
    files("other.csv", PREDICTIONS)
    code, out, err = run(capsys, *MINE, "--metrics", "rouge_l", "--partial", "--json", "--versus", "other.csv")
    assert code == 3
    assert "skipped: c.wav: no prediction" in err
    assert json.loads(out)["clips"] == 2
    files("other.csv", {"a.wav": "a dog"})
    code, _, err = run(capsys, *MINE, "--metrics", "rouge_l", "--partial", "--versus", "other.csv")
    assert code == 2
    assert "other.csv: 1 files without a prediction" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to score"),
        (["--predictions", "mine.csv"], "must be given together"),
        (["--run", "r", *MINE], "give either --run, or"),
        ([*MINE, "data.root=x"], "unexpected argument data.root=x"),
        ([*MINE, "--beam", "3"], "--beam, --search and --style need --run"),
        ([*MINE, "--split", "validation"], "--split needs --run"),
        (["--run", "r", "--partial"], "--partial needs --predictions"),
        ([*MINE, "--metrics", "blue"], "unknown metric 'blue'"),
        (["--predictions", "none.csv", "--references", "references.csv"], "cannot read none.csv"),
        (["--predictions", "references.csv", "--references", "mine.csv"], "mine.csv has no references"),
        (["--run", "no-such-run", "--metrics", "bleu", "data.root=x"], "no-such-run"),
    ],
)
def test_errors_are_one_line(files, capsys, arguments, message):
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_metric_that_is_not_available_is_a_failure(files, capsys):
    code, _, err = run(capsys, *MINE, "--metrics", "spice")
    assert code == 1
    assert "aac-download corenlp" in err
    assert len(err.splitlines()) == 1


def test_a_crash_of_a_metric_keeps_the_other_scores(files, capsys, monkeypatch):
    from aac_tf.evaluation import METRICS, MetricError

    def crash(*_):
        raise MetricError("METEOR ran out of memory")

    monkeypatch.setattr(METRICS["meteor"], "score", crash)
    code, out, err = run(capsys, *MINE, "--json")
    assert code == 1
    assert "cider" in json.loads(out)["corpus"]
    assert "meteor was not computed: METEOR ran out of memory" in err


def test_the_scores_of_the_paper_are_shown(capsys):
    from aac_tf.evaluation.evaluator import Evaluation
    from aac_tf.evaluation.scoring import Scores

    scores = Scores(["a.wav"], {}, {"spice": "no files"})
    result = Evaluation({"a.wav": "[x] dog"}, {"a.wav": ["a dog"]}, {"cider": 0.3, "order": None}, {}, [], scores)
    print_scores(result, "demo, test", Config(paper={"cider": 0.371, "spice": 0.113}).paper, show=1)
    out = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if line.startswith("│")]
    assert rows == [["cider (CIDEr-D)", "0.300", "0.371"], ["order", "none", ""], ["spice", "not computed", "0.113"]]
    assert "predicted: [x] dog" in out
