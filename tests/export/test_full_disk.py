"""What is written on a full disk: an error that names the path, and nothing under the final name."""

import importlib
import types

import pytest
from full_disk import full_disk

from aac_tf.cli import export as export_command
from aac_tf.cli import export_tflite as lite_command
from aac_tf.evaluation.evaluator import write_evaluation
from aac_tf.utils.atomic import WriteError


def test_a_saved_model_is_whole_or_not_there(one_run, tmp_path, capsys):
    run, models = str(one_run.folder), tmp_path / "models"
    with full_disk():
        assert export_command.main(["--run", run, "--output", str(models)]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith(f"error: cannot write {models}: ")
    assert message.endswith("free some disk space, or choose another folder")
    assert list(models.iterdir()) == []


@pytest.mark.parametrize("temporary", [True, False], ids=["temporary files", "the output"])
def test_a_lite_model_is_whole_or_the_previous_one(one_run, tmp_path, monkeypatch, capsys, temporary):
    run, output = str(one_run.folder), tmp_path / "model.tflite"
    output.write_bytes(b"before")
    if not temporary:
        module = importlib.import_module("aac_tf.export.lite.convert")
        monkeypatch.setattr(module, "convert", lambda *_: bytes(30_000))
    with full_disk():
        assert lite_command.main(["--run", run, "--output", str(output)]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("error: cannot write " + ("" if temporary else str(output)))
    assert message.endswith("free some disk space, or choose another folder")
    assert output.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [output]


def test_predictions_are_whole_or_the_previous_ones(tmp_path):
    captions = {f"{number}.wav": types.SimpleNamespace(text="a dog barks") for number in range(2000)}
    evaluation = types.SimpleNamespace(captions=captions, split="test", summary=dict, per_item={})
    path, _ = write_evaluation(evaluation, tmp_path)
    before = path.read_bytes()
    with full_disk(), pytest.raises(WriteError, match=f"cannot write {path}: File too large; free"):
        write_evaluation(evaluation, tmp_path)
    assert path.read_bytes() == before
    assert sorted(item.name for item in tmp_path.iterdir()) == ["metrics.json", "predictions.csv"]
