"""From a config to a trained run and its captions, with the functions and the commands."""

import csv
import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from aac_tf import Captioner
from aac_tf.audio import AudioError
from aac_tf.build import build_model
from aac_tf.cli import caption as caption_command
from aac_tf.cli import evaluate as evaluate_command
from aac_tf.cli import train as train_command
from aac_tf.config import ConfigError, load_config
from aac_tf.data.pipeline import make_examples, validation_batches
from aac_tf.data.preparation import fit_tokenizer, prepare_dataset, read_clips
from aac_tf.datasets import DatasetError
from aac_tf.evaluation.board import CaptionBoard
from aac_tf.evaluation.evaluator import evaluate
from aac_tf.export.published import publish_run
from aac_tf.runs.run import Run, RunError
from aac_tf.training.callbacks import ValidationCaptions
from aac_tf.training.errors import TrainingError
from aac_tf.training.trainer import train

SMALL = [
    "data.source=scenes",
    "scenes.train=24",
    "scenes.validation=6",
    "scenes.test=5",
    "scenes.min_seconds=2",
    "scenes.max_seconds=4",
    "audio.sample_rate=16000",
    "audio.hop_length=1024",
    "audio.normalize=true",
    "vocabulary.min_count=1",
    "encoder.units=16",
    "encoder.dropout=0.1",
    "encoder.subsampling=4",
    "decoder.units=16",
    "training.epochs=2",
    "training.batch_size=5",
    "training.learning_rate=1e-2",
]
ATTENTION = ["decoder.embedding=8", "decoder.attention_units=8"]
# For tests that only need any model.
TINY = [*SMALL, "encoder.layers=1", "decoder.kind=fixed_vector", "training.epochs=1", "training.batch_size=20"]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Folder of a small composed corpus."""
    root = tmp_path_factory.mktemp("corpus") / "scenes"
    prepare_dataset(load_config(None, [*SMALL, *ATTENTION, f"data.root={root}"]))
    return root


@pytest.fixture(scope="module")
def config(scenes):
    return load_config(None, [*SMALL, *ATTENTION, f"data.root={scenes}"])


@pytest.fixture(scope="module")
def trained(config, tmp_path_factory):
    """A trained run, and how often the graphs were traced at the end of each epoch."""
    run, traces = Run(tmp_path_factory.mktemp("runs") / "run"), []
    on_epoch_end = ValidationCaptions.on_epoch_end

    def count_traces(callback, epoch, logs=None):
        on_epoch_end(callback, epoch, logs)
        graphs = (callback.model.train_function, callback.model.test_function, callback._caption)
        counts = [graph.experimental_get_tracing_count() for graph in graphs]
        traces.append((len(list(callback._batches)), counts))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ValidationCaptions, "on_epoch_end", count_traces)
        train(config, run, callbacks=[CaptionBoard(run, config)])
    return run, traces


@pytest.fixture(scope="module")
def run(trained):
    return trained[0]


def test_run_folder_is_complete_without_the_data(run, scenes, tmp_path):
    shutil.copytree(run.folder, tmp_path / "copy")
    sound = tmp_path / "sound.wav"
    shutil.copy(scenes / "test" / "test_00000.wav", sound)
    expected = Captioner.load(run.folder).caption([sound])
    assert Captioner.load(tmp_path / "copy").caption([sound]) == expected
    assert expected[0].text
    files = {path.suffix for path in run.folder.rglob("*") if path.is_file()}
    assert not files & {".pkl", ".pickle", ".npy", ".keras"}


def test_history_has_one_row_per_epoch(run):
    rows = list(csv.DictReader((run.folder / "history.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert all(float(row[name]) >= 0 for row in rows for name in ("loss", "val_loss", "val_bleu", "learning_rate"))
    assert float(rows[1]["loss"]) < float(rows[0]["loss"])


def test_training_and_validation_are_traced_once(trained):
    """Batches of all shapes share one trace; retracing costs seconds per batch."""
    assert trained[1] == [(2, [1, 1, 1])] * 2


def test_tensorboard_shows_captions_with_attention_and_sound(run, config):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(run.folder / "tensorboard" / "captions"))
    board.Reload()
    for clip in list(read_clips(config, "validation"))[: config.training.samples]:
        assert [event.step for event in board.Tensors(f"{clip.name}/caption")] == [0, 1]
        assert [event.step for event in board.Tensors(f"{clip.name}/attention")] == [0, 1]
        assert board.Tensors(f"{clip.name}/sound")
    clip = read_clips(config, "validation")[0]
    (shown,) = board.Tensors(f"{clip.name}/caption")[-1].tensor_proto.string_val
    assert clip.captions[0] in shown.decode()


@pytest.mark.slow
def test_resume_equals_an_uninterrupted_run(run, config, scenes, tmp_path):
    other = Run(tmp_path / "halves")
    train(load_config(None, [*SMALL, *ATTENTION, f"data.root={scenes}", "training.epochs=1"]), other)
    train(config, other, resume=True)
    straight, halves = (list(csv.DictReader((r.folder / "history.csv").open())) for r in (run, other))
    for row, expected in zip(halves, straight):
        for name in ("epoch", "loss", "val_loss", "val_bleu", "learning_rate"):
            assert row[name] == expected[name], name
    weights = [
        tf.train.load_checkpoint(str(r.last)).get_tensor("model/decoder/_classifier/kernel/.ATTRIBUTES/VARIABLE_VALUE")
        for r in (run, other)
    ]
    np.testing.assert_array_equal(*weights)


def test_folders_of_other_runs_are_rejected(run, config, scenes, tmp_path):
    with pytest.raises(RunError, match="--resume"):
        train(config, run)
    other = load_config(None, [*SMALL, *ATTENTION, f"data.root={scenes}", "encoder.units=32"])
    with pytest.raises(RunError, match=r"encoder\.units=16, not 32"):
        train(other, run, resume=True)
    with pytest.raises(RunError, match="not a run folder"):
        Captioner.load(tmp_path)


def test_changed_data_is_rejected(run, scenes, tmp_path):
    copy, root = Run(tmp_path / "run"), tmp_path / "scenes"
    shutil.copytree(run.folder, copy.folder)
    shutil.copytree(scenes, root)
    (root / "train" / "train_00003.wav").unlink()
    changed = load_config(None, [*SMALL, *ATTENTION, f"data.root={root}", "training.epochs=3"])
    with pytest.raises(RunError, match="train data: 24 clips, now 23"):
        train(changed, copy, resume=True)


def test_weights_of_another_model_are_rejected(run, tmp_path):
    folder = tmp_path / "changed"
    shutil.copytree(run.folder, folder)
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(text.replace("  units: 16\n  subsampling", "  units: 24\n  subsampling"))
    with pytest.raises(RunError, match="does not fit"):
        Captioner.load(folder)


def test_a_loss_that_is_not_finite_ends_training_and_is_not_saved(config, scenes, tmp_path):
    run = Run(tmp_path / "run")
    options = [*TINY, f"data.root={scenes}", "training.learning_rate=1e38"]
    with pytest.raises(TrainingError, match=r"training\.learning_rate"):
        train(load_config(None, options), run)
    assert tf.train.latest_checkpoint(str(run.last)) is None  # as it was the first epoch


def test_create_removes_the_files_of_an_abandoned_run(config, tmp_path):
    run = Run(tmp_path / "run")
    tokenizer = fit_tokenizer(config)
    run.create(config, tokenizer, (np.zeros(64), np.ones(64)))
    assert run.normalization() is not None
    run.create(load_config(None, ["audio.normalize=false"]), tokenizer, None)
    assert run.normalization() is None


def test_bad_files_are_skipped_or_raise(scenes, tmp_path):
    root = tmp_path / "scenes"
    shutil.copytree(scenes, root)
    (root / "train" / "train_00003.wav").write_bytes(b"RIFF not a sound")
    options = [*TINY, f"data.root={root}"]
    train(load_config(None, options), Run(tmp_path / "a"))
    with pytest.raises(DatasetError, match=r"train_00003\.wav"):
        train(load_config(None, [*options, "data.on_bad_audio=fail"]), Run(tmp_path / "b"))


def test_manifest_without_validation(scenes, tmp_path):
    shutil.copy(scenes / "captions_train.csv", scenes / "train" / "train.csv")
    options = [*TINY, "data.source=manifest", f"data.root={scenes / 'train'}"]
    with pytest.raises(ConfigError, match="validation_fraction"):
        train(load_config(None, options), Run(tmp_path / "a"))
    rows = train(load_config(None, [*options, "training.monitor=loss"]), Run(tmp_path / "b"))
    assert "val_loss" not in rows[0]
    held_out = load_config(None, [*options, "data.validation_fraction=0.25"])
    splits = [{clip.name for clip in read_clips(held_out, split)} for split in ("train", "validation")]
    assert [len(names) for names in splits] == [18, 6]
    assert not splits[0] & splits[1]


@pytest.mark.parametrize(
    ("kind", "options"),
    [("attention", ATTENTION), ("fixed_vector", []), ("transformer", ["decoder.layers=1", "decoder.feedforward=16"])],
)
def test_captions_per_clip_does_not_change_loss_and_gradients(config, kind, options):
    """data.captions_per_clip=all on clips equals data.captions_per_clip=one on their captions."""
    config = load_config(None, [*SMALL, f"data.root={config.data.root}", f"decoder.kind={kind}", *options])
    tokenizer = fit_tokenizer(config)
    clips = read_clips(config, "validation")
    model = build_model(config, tokenizer.vocabulary_size())
    lengths = np.array([40, 31, 22, 50, 17, 9])

    class Features:
        bins = 64

        def __init__(self):
            self.lengths = lengths

        def load(self, index):
            frames = tf.gather(tf.constant(lengths), index)
            return tf.random.stateless_normal([frames, 64], tf.stack([index, 7]))

    loss_function = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    results = []
    for captions_per_clip, batch_size in (("one", 30), ("all", 6)):
        examples = make_examples(clips, tokenizer, captions_per_clip)
        ((inputs, targets, weights),) = validation_batches(examples, Features(), batch_size)
        with tf.GradientTape() as tape:
            loss = loss_function(targets, model(inputs), sample_weight=weights)
        results.append((loss, tape.gradient(loss, model.trainable_variables)))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5)
    for one, together in zip(results[0][1], results[1][1]):
        np.testing.assert_allclose(tf.convert_to_tensor(one), tf.convert_to_tensor(together), rtol=1e-3, atol=1e-6)


def test_captions_do_not_depend_on_the_batch(run, scenes):
    captioner = Captioner.load(run.folder)
    paths = sorted((scenes / "test").glob("*.wav"))
    together = captioner.caption(paths, beam_size=3)
    for path, expected in zip(paths, together):
        (alone,) = captioner.caption([path], beam_size=3)
        assert alone.text == expected.text
        assert alone.log_prob == pytest.approx(expected.log_prob, abs=1e-4)
    assert all(len(caption.alternatives) == 2 for caption in together)
    log_probs = [together[0].log_prob, *[other.log_prob for other in together[0].alternatives]]
    assert log_probs == sorted(log_probs, reverse=True)


def test_waveforms_are_captioned_like_files(run, scenes):
    from aac_tf.audio import load_audio

    captioner = Captioner.load(run.folder)
    path = scenes / "test" / "test_00001.wav"
    waveform, _ = load_audio(path, captioner.spec.sample_rate)
    assert captioner.caption([waveform.numpy()]) == captioner.caption([path])
    assert captioner.caption(str(path)) == captioner.caption([path])
    with pytest.raises(AudioError, match="no such file"):
        captioner.caption([path, "missing.wav"])


def test_searches_are_traced_once_for_all_lengths(run, monkeypatch):
    captioner = Captioner.load(run.folder)
    decoder, traces = captioner.model.decoder, []
    initial_state = decoder.initial_state
    monkeypatch.setattr(decoder, "initial_state", lambda *inputs: traces.append(1) or initial_state(*inputs))
    rate = captioner.spec.sample_rate
    for seconds in (0.5, 1, 2, 3):
        captioner.caption([np.random.default_rng(0).normal(size=int(rate * seconds))], beam_size=2)
    assert len(traces) == 1


def test_caption_command(run, scenes, tmp_path, capsys):
    paths = [str(path) for path in sorted((scenes / "test").glob("*.wav"))[:2]]
    plot = tmp_path / "attention.png"
    assert caption_command.main(["--run", str(run.folder), "--attention", str(plot), *paths]) == 0
    for path in paths:
        assert plot.with_name(f"attention-{pathlib.Path(path).stem}.png").read_bytes().startswith(b"\x89PNG")
    lines = capsys.readouterr().out.splitlines()
    word = lines[0].split("\t")[1].split()[0]
    assert caption_command.main(["--run", str(run.folder), "--attention", str(plot), "--words", word, paths[0]]) == 0
    assert plot.is_file()
    capsys.readouterr()
    assert [line.split("\t")[0] for line in lines] == paths
    assert all(line.split("\t")[1] for line in lines)
    empty = tmp_path / "empty.wav"
    empty.write_bytes(b"")
    assert caption_command.main(["--run", str(run.folder), "--json", "--beam", "2", paths[0], str(empty)]) == 3
    captured = capsys.readouterr()
    first, second = (json.loads(line) for line in captured.out.splitlines())
    expected = {"file", "caption", "log_prob", "alternatives", "words", "sounds", "trained_on"}
    assert set(first) == expected | {"confidence", "unsure", "named_sounds"}
    assert " ".join(word["word"] for word in first["words"]) == first["caption"]
    assert second == {"file": str(empty), "error": "the file is empty"}
    assert "1 of 2 files skipped" in captured.err
    assert caption_command.main(["--run", str(tmp_path), paths[0]]) == 2


def test_evaluate_command(run, scenes, tmp_path, capsys):
    arguments = ["--run", str(run.folder), "--split", "evaluation", "--output", str(tmp_path), "--json", "--beam", "1"]
    assert evaluate_command.main([*arguments, "--attention"]) == 0
    corpus = json.loads(capsys.readouterr().out)["corpus"]
    assert {"attention_inside", "uniform_inside", "attention_hits", "uniform_hits"} <= set(corpus)
    expected = {f"bleu_{n}" for n in range(1, 5)} | {"rouge_l", "meteor", "cider", "event_f1", "order_accuracy"}
    assert expected <= set(corpus)
    rows = list(csv.DictReader((tmp_path / "predictions.csv").open()))
    assert list(rows[0]) == ["file_name", "caption_predicted"]
    scores = json.loads((tmp_path / "metrics.json").read_text())
    assert corpus == pytest.approx(scores["corpus"], abs=1e-6)
    assert set(scores["per_item"]) == {row["file_name"] for row in rows} == {f"test_{k:05d}.wav" for k in range(5)}


def test_scores_of_several_runs_do_not_replace_those_of_the_first(run, tmp_path, capsys):
    folder = shutil.copytree(run.folder, tmp_path / "run")
    arguments = ["--run", str(folder), "--metrics", "rouge_l"]
    assert evaluate_command.main(arguments) == 0
    stored = (folder / "metrics.json").read_text()
    assert evaluate_command.main([*arguments, "--beam", "1", "--rerank", str(run.folder)]) == 0
    assert "not stored, as they are of several runs: --output FOLDER" in capsys.readouterr().err
    assert (folder / "metrics.json").read_text() == stored


def test_a_split_is_scored_without_showing_progress(run, config):
    found = evaluate(Captioner.load(run.folder), config, "test", beam_size=1, metrics=["rouge_l"])
    assert set(found.captions) == {f"test_{k:05d}.wav" for k in range(5)}
    assert 0 <= found.corpus["rouge_l"] <= 1


def test_train_command_reports_user_errors_in_one_line(scenes, tmp_path, capsys):
    cases = [
        (["--config", str(tmp_path / "none.yaml")], "none.yaml"),
        (["--config", "configs/demo.yaml", "training.epoch=1"], "did you mean `training.epochs`"),
        ([], "--config"),
        (["--run", str(tmp_path), "--resume"], "not a run folder"),
    ]
    for arguments, message in cases:
        assert train_command.main(arguments) == 2
        captured = capsys.readouterr()
        assert message in captured.err
        assert len(captured.err.splitlines()) == 1
        assert not captured.out


@pytest.mark.real_data
def test_describe_needs_captions_only(real_data, capsys):
    root = real_data / "clotho_v1"
    for factor, steps in ((1, {"15": 1292, "30": 2584}), (8, {"15": 20, "30": 40})):
        arguments = ["--config", "configs/dcase2020.yaml", "--describe", "--json", f"data.root={root}"]
        assert train_command.main([*arguments, f"encoder.subsampling={factor}"]) == 0
        description = json.loads(capsys.readouterr().out)
        assert description["parameters"] == {"total": 4_573_711, "trainable": 4_573_711}
        assert description["vocabulary_size"] == 4367
        assert description["encoder_steps"] == steps
        assert sum(layer["parameters"] for layer in description["layers"]) == 4_573_711


def test_describe_tells_of_a_monitor_that_training_would_refuse(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AAC_TF_FENSE", str(tmp_path))
    (tmp_path / "my.csv").write_text("file_name,caption\ndog.wav,a dog barks\n")
    data = ["data.source=manifest", f"data.root={tmp_path / 'my.csv'}", "vocabulary.min_count=1", "encoder.units=4"]
    arguments = ["--config", "clotho_logmel", "--describe", *data]
    assert train_command.main([*arguments, "training.monitor=val_fense"]) == 0
    assert "training would be refused: training.monitor=val_fense" in capsys.readouterr().err
    assert train_command.main(arguments) == 0
    assert "refused" not in capsys.readouterr().err


def test_resuming_a_run_that_stopped_early_trains_no_further(scenes, tmp_path):
    plateau = [
        "training.learning_rate=1e-30",
        "training.stop_patience=1",
        "training.epochs=4",
        "training.lr_patience=null",
    ]
    config = load_config(None, [*TINY, f"data.root={scenes}", *plateau])
    rows = train(config, Run(tmp_path / "run"))
    assert len(rows) == 2
    # It does not read the data, either.
    config.data.root = str(tmp_path / "nowhere")
    assert len(train(config, Run(tmp_path / "run"), resume=True)) == 2
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.slow
def test_training_starts_from_another_run(run, scenes, tmp_path, capsys):
    clips = read_clips(load_config(None, [*SMALL, f"data.root={scenes}"]), "train")
    rows = "".join(f"{clip.path},a sheep bleats\n{clip.path},{clip.captions[0]}\n" for clip in clips)
    (tmp_path / "my.csv").write_text(f"file_name,caption\n{rows}")
    folder = tmp_path / "tuned"
    common = ["--config", "my_clips", "--run", str(folder), f"data.root={tmp_path / 'my.csv'}"]
    initial = publish_run(run.folder, tmp_path / "published", "cc-by-4.0")
    common += ["training.epochs=1", f"training.initial={initial}"]
    assert train_command.main([*common, "encoder.units=24"]) == 2
    assert "encoder.units=24: training.initial=" in capsys.readouterr().err
    assert not folder.exists()
    assert train_command.main(common) == 0
    said = capsys.readouterr().err
    licence = "training started from the weights of a published run: their licence, cc-by-4.0, applies"
    for line in (licence, "vocabulary: ", "memory: about ", "time: about "):
        assert f"\n{line}" in f"\n{said}"
    before = run.tokenizer(run.config()).get_vocabulary()
    config = Run(folder).config()
    assert Run(folder).tokenizer(config).get_vocabulary() == [*before, "bleats", "sheep"]
    assert (config.encoder.units, config.embedding.kind) == (16, "none")
    assert json.loads((folder / "card.json").read_text())["sources"][0]["source"] == "manifest"
    assert evaluate_command.main(["--run", str(folder)]) == 2
    assert "has no test split; it has train, validation" in capsys.readouterr().err
    assert evaluate_command.main(["--run", str(folder), "--split", "validation", "--metrics", "rouge_l"]) == 0


def test_a_run_to_start_from_must_fit_before_scenes_are_composed(tmp_path):
    config = load_config(None, [*TINY, "training.initial=everyday", f"data.root={tmp_path / 'scenes'}"])
    with pytest.raises(ConfigError, match=r"training\.initial=\S+everyday has .*, and its weights do not fit"):
        train(config, Run(tmp_path / "run"))
    assert not (tmp_path / "scenes").exists()


def test_an_empty_vocabulary_is_an_error(scenes, tmp_path):
    config = load_config(None, [*SMALL, *ATTENTION, f"data.root={scenes}", "vocabulary.min_count=1000"])
    with pytest.raises(ConfigError, match=r"no word occurs vocabulary\.min_count=1000 times in \d+ training captions"):
        train(config, Run(tmp_path / "run"))
