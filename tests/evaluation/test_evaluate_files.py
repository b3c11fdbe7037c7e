"""`evaluate.py` with SPICE and with several captions per file."""

import csv
import json

import pytest
from sound_files import encode, noise

from aac_tf.cli import caption, evaluate

REFERENCES = {"a.wav": "a dog barks twice", "b.wav": "rain falls on a roof", "c.wav": "a man speaks in a room"}
PREDICTIONS = {"c.wav": "a man speaks", "b.wav": "rain falls on a metal roof", "a.wav": "a dog is barking"}
SCORES = ("--references", "references.csv", "--metrics")


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch, fake_spice):
    """References in the current folder, and a SPICE that counts words."""
    monkeypatch.chdir(tmp_path)
    fake_spice()
    write("references.csv", ["file_name", "caption_1"], REFERENCES.items())


def write(name, columns, rows):
    with open(name, "w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def run(capsys, *arguments):
    code = evaluate.main(list(arguments))
    return (code, *capsys.readouterr())


def test_a_clip_that_spice_cannot_parse_is_named(tmp_path, capsys):
    write("mine.csv", ["file_name", "caption_predicted"], {**PREDICTIONS, "b.wav": "rain " * 200}.items())
    code, _, err = run(capsys, "--predictions", "mine.csv", *SCORES, "spice", "spider", "--output", "scores.json")
    assert code == 0
    note = "the caption has 200 words, more than 100: it scores 0"
    assert f"spice: b.wav: {note}" in err
    written = json.loads((tmp_path / "scores.json").read_text())
    assert written["notes"] == {"spice": {"b.wav": note}}


def test_several_captions_per_file(capsys):
    candidates = {name: [text, "a dog barks twice"] for name, text in PREDICTIONS.items()}
    columns = ["file_name", "caption_predicted", "caption_predicted_2"]
    write("several.csv", columns, [[name, *texts] for name, texts in candidates.items()])
    with open("several.jsonl", "w") as file:  # as aac-caption --json prints it
        for name, (best, other) in candidates.items():
            alternatives = [{"caption": other, "log_prob": -2.0}]
            print(json.dumps({"file": f"/clips/{name}", "caption": best, "alternatives": alternatives}), file=file)
    found = []
    for name in ("several.csv", "several.jsonl"):
        arguments = ["--predictions", name, *SCORES, "spider", "spider_max", "--json", "--versus", name]
        code, out, _ = run(capsys, *arguments)
        assert code == 0
        found.append(json.loads(out)["corpus"])
    assert found[0] == found[1]
    assert found[0]["spider_max"] > found[0]["spider"]
    write("mine.csv", ["file_name", "caption_predicted"], PREDICTIONS.items())
    code, _, err = run(capsys, "--predictions", "mine.csv", *SCORES, "spider_max")
    assert code == 1
    assert "spider_max needs several captions for each file" in err


def test_a_run_gives_all_captions_of_its_search(one_run, tmp_path, capsys):
    for name, seed in (("a.wav", 0), ("b.wav", 1)):
        (tmp_path / name).write_bytes(encode("WAV", sound=noise(1.5, seed=seed)))
    write(
        "clips.csv", ["file_name", "caption_1"], [["a.wav", "the dog barks"], ["b.wav", "a bell rings then rain falls"]]
    )
    data = ["data.source=manifest", f"data.root={tmp_path / 'clips.csv'}", "data.validation_fraction=0"]
    flags = ["--run", str(one_run.folder), "--split", "train", "--output", "out", "--json"]
    code, out, err = run(capsys, *flags, "--beam", "4", "--metrics", "spider", "spider_max", *data)
    assert code == 0, err
    assert caption.main(["--run", str(one_run.folder), "--beam", "4", "--json", "a.wav", "b.wav"]) == 0
    (tmp_path / "captions.jsonl").write_text(capsys.readouterr().out)
    files = ["--predictions", "captions.jsonl", "--references", "clips.csv", "--json"]
    _, again, _ = run(capsys, *files, "--metrics", "spider", "spider_max")
    corpus = json.loads(out)["corpus"]
    assert json.loads(again)["corpus"] == pytest.approx(corpus)
    assert corpus["spider_max"] >= corpus["spider"]
    code, _, err = run(capsys, *flags, "--beam", "1", "--metrics", "spider_max", *data)
    assert code == 1
    assert "use --beam 2 or more" in err
