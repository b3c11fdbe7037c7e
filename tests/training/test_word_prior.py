"""Corrections of how often a captioner uses words: what is refused, and what a failure leaves."""

import json
import shutil

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from full_disk import full_disk
from small_runs import KINDS

from aac_tf.cli import prior
from aac_tf.datasets import DatasetError
from aac_tf.runs import Run, RunError
from aac_tf.training.word_prior import correct_prior
from aac_tf.utils.atomic import WriteError
from aac_tf.utils.files import FileSystemError

TRAINED, WANTED = ["a dog barks", "rain falls", "the bell rings"], ["a dog barks loudly"]


@pytest.mark.parametrize("kind", KINDS)
def test_runs_of_all_kinds_are_corrected(small_runs, kind, tmp_path):
    run = small_runs[kind]
    added = dict(correct_prior(run.folder, tmp_path / "prior", TRAINED, WANTED, np.float64(0.5)))
    written, config = Run(tmp_path / "prior"), run.captioner.config
    model = type(run.captioner).load(written.folder).model
    changed = [
        after - before
        for after, before in zip(model.get_weights(), run.captioner.model.get_weights(), strict=True)
        if not np.array_equal(after, before)
    ]
    ((difference),) = changed
    words = written.tokenizer(config).get_vocabulary()
    np.testing.assert_allclose(difference, [added[word] for word in words], atol=1e-5)
    assert added["loudly"] > 0 > added["rain"]
    assert all(value == 0 for word, value in added.items() if word.startswith("<"))


def command_line(run, tmp_path, clips, wanted):
    """Arguments of `aac-prior` for a run, its clips as lines of a manifest, and wanted captions or `templates`."""
    soundfile.write(tmp_path / "a.wav", np.zeros(16000), 16000)
    (tmp_path / "clips.csv").write_text(f"file_name,caption\n{clips}")
    if wanted != "templates":
        (tmp_path / "wanted.txt").write_text(wanted)
        wanted = str(tmp_path / "wanted.txt")
    data = ["data.source=manifest", f"data.root={tmp_path / 'clips.csv'}", "data.validation_fraction=0"]
    return [str(run), "--captions", wanted, *data]


def test_the_command_says_how_many_words_the_run_knows(one_run, tmp_path, capsys):
    arguments = command_line(one_run.folder, tmp_path, "a.wav,a dog barks\n", "A dog barks.\nein Hund barks\n")
    assert prior.main([*arguments, "--output", str(tmp_path / "first")]) == 0
    assert "words of the captions that the run knows: 3 of 5 words, 67 % of the text" in capsys.readouterr().out
    assert prior.main([*arguments, "--output", str(tmp_path / "second"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["coverage"]
    assert found == {"known": 3, "words": 5, "share": pytest.approx(4 / 6, abs=1e-6)}


def test_captions_can_be_written_for_the_sounds_that_a_run_knows(one_run, tmp_path, capsys):
    run = shutil.copytree(one_run.folder, tmp_path / "run")
    arguments = command_line(run, tmp_path, "a.wav,a dog barks\na.wav,the bell rings\n", "templates")
    arguments += ["--output", str(tmp_path / "prior"), "--json"]
    assert prior.main(arguments) == 2
    assert "was not trained on composed scenes" in capsys.readouterr().err
    card = {"clips": 2, "synthetic": False, "sources": [{"source": "scenes"}]}
    (run / Run.TRAINED_ON).write_text(json.dumps({**card, "sounds": ["dog bark", "man speaking", "rain", "thunder"]}))
    assert prior.main(arguments) == 0
    added = json.loads(capsys.readouterr().out)["added"]
    # Bells are in no caption that is written for these sounds.
    assert added["bell"] < 0 < added["falls"]


def test_words_that_stay_as_they_are_are_not_listed_as_rarer_or_more_frequent(one_run, tmp_path, capsys):
    arguments = command_line(one_run.folder, tmp_path, "a.wav,a dog barks\n", "A dog barks.\n")
    assert prior.main([*arguments, "--output", str(tmp_path / "prior")]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["less often: no word", "more often: no word"]


def test_captions_are_written_only_once_all_files_are_read(one_run, tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", np.zeros(16000), 16000)
    (tmp_path / "clips.csv").write_text("file_name,caption\na.wav,a dog barks\n")
    data = ["data.source=manifest", f"data.root={tmp_path / 'clips.csv'}", "data.validation_fraction=0"]
    captions = ["--captions", "templates", str(tmp_path / "none.csv")]
    assert prior.main([str(one_run.folder), *captions, *data, "--output", str(tmp_path / "prior")]) == 2
    assert "none.csv" in capsys.readouterr().err


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -0.1, 1.1])
def test_weights_beyond_the_range_are_refused(one_run, tmp_path, weight):
    with pytest.raises(ValueError, match="the weight must be between 0 and 1"):
        correct_prior(one_run.folder, tmp_path / "prior", TRAINED, WANTED, weight)
    assert not (tmp_path / "prior").exists()


@pytest.mark.parametrize(
    ("trained", "wanted", "reason"),
    [
        (TRAINED, [], "no word of 0 wanted captions"),
        (TRAINED, ["ein Hund bellt"], "no word of 1 wanted caption$"),
        ([], WANTED, "no word of 0 training captions"),
    ],
)
def test_captions_without_a_known_word_are_refused(one_run, tmp_path, trained, wanted, reason):
    with pytest.raises(DatasetError, match=reason):
        correct_prior(one_run.folder, tmp_path / "prior", trained, wanted)
    assert not (tmp_path / "prior").exists()


def test_the_output_may_be_a_relative_path(one_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    correct_prior(one_run.folder, "runs/prior", TRAINED, WANTED, 0.5)
    assert tf.train.latest_checkpoint(str(tmp_path / "runs/prior/checkpoints/best"))
    assert tf.train.latest_checkpoint("runs/prior/checkpoints/best")


def test_a_corrected_run_is_not_corrected_again(one_run, tmp_path):
    correct_prior(one_run.folder, tmp_path / "once", TRAINED, WANTED, 0.5)
    assert json.loads((tmp_path / "once" / Run.TRAINED_ON).read_text())["prior"] == 0.5
    with pytest.raises(RunError, match="once was corrected already: give the run that it was written from"):
        correct_prior(tmp_path / "once", tmp_path / "twice", TRAINED, WANTED, 0.5)


@pytest.mark.parametrize("exists", [False, True])
def test_a_full_disk_leaves_nothing(one_run, tmp_path, exists):
    output = tmp_path / "prior"
    if exists:
        output.mkdir()
    with full_disk(), pytest.raises(WriteError, match=r"cannot write .*prior: .* free some disk space"):
        correct_prior(one_run.folder, output, TRAINED, WANTED)
    assert [path.name for path in tmp_path.rglob("*")] == ["prior"] * exists
    (tmp_path / ".unfinished-killed").mkdir()
    if exists:
        (output / ".unfinished-killed").mkdir()
    correct_prior(one_run.folder, output, TRAINED, WANTED)
    assert Run(output).trained


def test_a_url_is_refused_as_output(one_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileSystemError, match="s3://bucket/prior cannot be written directly"):
        correct_prior(one_run.folder, "s3://bucket/prior", TRAINED, WANTED)
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_that_does_not_fit_the_vocabulary_is_refused(one_run, tmp_path):
    correct_prior(one_run.folder, tmp_path / "run", TRAINED, WANTED, 0)
    run = Run(tmp_path / "run")
    (run.folder / run.TRAINED_ON).unlink()
    with (run.folder / run.VOCABULARY).open("a") as file:
        file.write("whistles\n")
    with pytest.raises(RunError, match="does not fit its vocabulary of 19 words"):
        correct_prior(run.folder, tmp_path / "prior", TRAINED, WANTED)
