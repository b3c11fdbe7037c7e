"""Published runs: the same captions as the run that they come from, in every command."""

import json

import numpy as np
import pytest
import soundfile
import yaml
from safetensors.numpy import load_file, save_file
from small_runs import KINDS, SMALL_AST, write_run

from aac_tf import Captioner
from aac_tf.cli import caption, evaluate, export_tflite, publish
from aac_tf.config import load_config
from aac_tf.datasets import ClipList, Dataset
from aac_tf.decoding import Greedy
from aac_tf.export.about import describe_model
from aac_tf.export.published import publish_run
from aac_tf.runs import Run, RunError
from aac_tf.runs.card import make_card, trained_on
from aac_tf.runs.initial import open_initial
from aac_tf.runs.licences import initial_licences

RATE = 16000


class Nothing(Dataset):
    """A dataset without clips."""

    def clips(self, split, audio_needed=True):
        return None


@pytest.fixture(scope="module")
def published(one_run, tmp_path_factory):
    return publish_run(one_run.folder, tmp_path_factory.mktemp("published") / "small")


@pytest.fixture(scope="module")
def sounds():
    noise = np.random.default_rng(0)
    return [noise.normal(0, 0.1, int(seconds * RATE)).astype(np.float32) for seconds in (1.0, 2.3, 3.1, 0.7, 4.0)]


def copy(folder, target):
    target.mkdir()
    for path in folder.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


@pytest.mark.parametrize("kind", KINDS)
def test_captions_are_those_of_the_run(small_runs, kind, sounds, tmp_path, monkeypatch):
    monkeypatch.setenv("AAC_TF_AST", str(SMALL_AST))  # a published run does not say where weights are on this machine
    run = small_runs[kind]
    folder = publish_run(run.folder, tmp_path / "published")
    captioner = Captioner.load(folder)
    assert captioner.styles == run.captioner.styles
    for beam_size in (1, 3):
        expected = run.captioner.caption(sounds, beam_size, sample_rate=RATE)
        found = captioner.caption(sounds, beam_size, sample_rate=RATE)
        assert sum(one.text == other.text for one, other in zip(found, expected)) >= 4
        # With random weights there are ties, which rounding may decide otherwise.
        for sound, one, other in zip(sounds, found, expected):
            same = run.captioner.attend(sound, one.text, sample_rate=RATE)
            assert same.log_prob == pytest.approx(other.log_prob, rel=0.01)
            assert one.log_prob == pytest.approx(same.log_prob, rel=0.005)


def test_float32_weights_are_exact(one_run, tmp_path):
    captioner = Captioner.load(publish_run(one_run.folder, tmp_path / "published", half=False))
    for weight, other in zip(captioner.model.get_weights(), one_run.captioner.model.get_weights()):
        if weight.dtype == np.float32:
            np.testing.assert_array_equal(weight, other)


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (
            "sources=[{source: audiocaps, root: s3://secret/a, style: audiocaps}, {source: scenes, root: secret/b}]",
            "audiocaps and composed scenes",
        ),
        ("root=/secret/clotho", "clotho"),
    ],
)
def test_no_folder_of_this_machine_is_published(tmp_path, data, names):
    overrides = [f"data.{data}", "data.embedding_folder=secret"]
    overrides += ["scenes.bank=/secret/a,secret/b", "scenes.scripts=[clotho=/secret/c.csv]", "training.initial=secret"]
    run = Run(write_run(tmp_path / "run", overrides))
    config = run.stored_config()
    first = Run(write_run(tmp_path / "first", overrides[:3]))
    clips = ClipList([], seconds=3600.0)
    first.write_text(first.TRAINED_ON, json.dumps(make_card(first.stored_config(), Nothing(None), clips, 3)))
    run.write_text(run.TRAINED_ON, json.dumps(make_card(config, Nothing(None), clips, 3, first)))
    folder = publish_run(run.folder, tmp_path / "published")
    for path in folder.iterdir():
        assert b"secret" not in path.read_bytes()
    assert {path.name for path in folder.iterdir()} <= set(Run.PUBLISHED)
    assert trained_on(folder) == trained_on(run)
    said = f"trained on 0 clips of {names} (1.0 h)"
    assert trained_on(first).startswith(f"{said}: too few")
    assert trained_on(run).startswith(f"{said}, starting from a run that was {said}: too few")
    assert f"\n- starting from a run that was {said}: too few" in (folder / "README.md").read_text()
    # The data to evaluate on need not be those of the training.
    published = Run(folder).config(["data.source=clotho", "data.root=here"])
    assert [(source.source, source.root) for source in published.data.all_sources()] == [("clotho", "here")]


@pytest.mark.parametrize(
    ("initial", "kept"),
    [("hf://somebody/some", True), ("https://example.org/a.zip", True), ("https://example.org/a.zip?key=1", False)],
)
def test_the_published_run_that_training_started_from_is_named(tmp_path, initial, kept):
    folder = publish_run(write_run(tmp_path / "run", [f"training.initial={initial}"]), tmp_path / "published")
    assert Run(folder).config().training.initial == (initial if kept else None)


def test_what_a_run_without_a_card_was_trained_on_is_published(one_run, published):
    assert (published / "card.json").is_file()
    assert trained_on(published) == trained_on(one_run.folder) == "trained on clips of clotho"


def test_the_card_has_licence_and_scores(one_run, tmp_path, capsys):
    scores = {
        "dataset": "eight recordings",
        "corpus": {"cider": 0.5, "spider": None},
        "confidence_95": {"cider": [0.4, 0.6]},
    }
    (tmp_path / "scores.json").write_text(json.dumps(scores))
    arguments = [str(one_run.folder), "--output", str(tmp_path / "small"), "--licence", "cc-by-nc-4.0", "--json"]
    assert publish.main([*arguments, "--scores", str(tmp_path / "scores.json")]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] < 100_000
    card = (tmp_path / "small" / "README.md").read_text()
    header = yaml.safe_load(card.split("---\n")[1])
    assert header["license"] == "cc-by-nc-4.0"
    (result,) = header["model-index"][0]["results"]
    assert result["dataset"]["name"] == "eight recordings"
    assert result["metrics"] == [{"type": "cider", "value": 0.5}]
    assert "| cider | 0.500 | 0.400 to 0.600 |" in card
    huggingface_hub = pytest.importorskip("huggingface_hub")
    assert huggingface_hub.ModelCard(card).data.license == "cc-by-nc-4.0"


@pytest.mark.parametrize("recorded", [True, False])
def test_the_licence_of_the_initial_weights_is_said(one_run, tmp_path, monkeypatch, capsys, recorded):
    monkeypatch.setenv("AAC_TF_PRESETS", str(tmp_path / "presets"))
    (tmp_path / "presets").mkdir()
    publish_run(one_run.folder, tmp_path / "presets" / "lent", "cc-by-sa-4.0")
    run = Run(write_run(tmp_path / "run", [*KINDS["attention"], "training.initial=lent"]))
    config, clips = run.stored_config(), ClipList([])
    card = make_card(config, Nothing(None), clips, 3, open_initial(config))
    if not recorded:  # a run of an earlier version
        del card["initial"]["licence"], card["initial"]["name"]
    run.write_text(run.TRAINED_ON, json.dumps(card))
    # Another run that started from it is published without it.
    config = load_config(None, [f"training.initial={run.folder}"])
    second = Run(write_run(tmp_path / "second", KINDS["attention"]))
    second.write_text(second.TRAINED_ON, json.dumps(make_card(config, Nothing(None), clips, 3, run)))
    for folder in (run.folder, second.folder):
        output = tmp_path / f"published-{folder.name}"
        command = [str(folder), "--output", str(output), "--licence", "cc-by-4.0", "--json"]
        assert publish.main(command) == 2
        refusal = "asks for the same licence, unlike cc-by-4.0: give --licence cc-by-sa-4.0, or --relicense"
        assert refusal in capsys.readouterr().err
        command[4] = "cc-by-sa-4.0"
        assert publish.main(command) == 0
        said = "training started from the weights of lent: their licence, cc-by-sa-4.0, applies to these weights, too"
        printed = capsys.readouterr()
        assert said in printed.err.splitlines()
        assert json.loads(printed.out)["initial_licences"] == [{"name": "lent", "licence": "cc-by-sa-4.0"}]
        assert f"## Licence\n\n- {said}\n\n" in (output / "README.md").read_text()
        assert str(tmp_path) not in (output / "card.json").read_text()
        licences = describe_model(Captioner.load(output), Greedy())["licences"]
        assert [(entry["name"], entry["licence"]) for entry in licences][1:] == [("lent", "cc-by-sa-4.0")]


def test_a_licence_that_the_owner_of_the_initial_weights_allows(one_run, tmp_path, capsys):
    publish_run(one_run.folder, tmp_path / "lent", "cc-by-nc-4.0")
    run = Run(write_run(tmp_path / "run", KINDS["attention"]))
    config = load_config(None, ["training.initial=hf://us/lent"])
    card = make_card(config, Nothing(None), ClipList([]), 3, Run(tmp_path / "lent"))
    run.write_text(run.TRAINED_ON, json.dumps(card))
    output = tmp_path / "published"
    command = [str(run.folder), "--output", str(output), "--relicense", "--json"]
    assert publish.main(command) == 2
    assert "give --licence NAME" in capsys.readouterr().err
    assert publish.main([*command, "--licence", "mit"]) == 0
    said = "the weights of hf://us/lent, whose owner allows mit instead of their licence, cc-by-nc-4.0"
    said = f"training started from {said}"
    printed = capsys.readouterr()
    assert said in printed.err.splitlines()
    assert json.loads(printed.out)["initial_licences"] == []
    assert f"## Licence\n\n- {said}\n\n" in (output / "README.md").read_text()
    licences = describe_model(Captioner.load(output), Greedy())["licences"]
    assert [entry["licence"] for entry in licences] == ["mit"]
    # What others train from the published run needs no permission again.
    config = load_config(None, ["training.initial=hf://us/published"])
    card = make_card(config, Nothing(None), ClipList([]), 3, Run(output))
    run.write_text(run.TRAINED_ON, json.dumps(card))
    publish_run(run.folder, tmp_path / "second", "mit")
    assert f"- {said}\n" in (tmp_path / "second" / "README.md").read_text()


def test_initial_weights_without_a_licence(published, tmp_path):
    run = Run(write_run(tmp_path / "run", KINDS["attention"]))
    config = load_config(None, ["training.initial=hf://somebody/some"])
    card = make_card(config, Nothing(None), ClipList([]), 3, Run(published))
    assert initial_licences(card) == [("hf://somebody/some", None)]
    run.write_text(run.TRAINED_ON, json.dumps(card))
    folder = publish_run(run.folder, tmp_path / "published")
    said = "the weights of hf://somebody/some, which states no licence"
    assert said in (folder / "README.md").read_text()


def test_a_run_that_lacks_something_is_refused(one_run, tmp_path, published):
    with pytest.raises(RunError, match="not a run folder"):
        publish_run(tmp_path / "none", tmp_path / "out")
    folder = write_run(tmp_path / "run", KINDS["attention"])
    with pytest.raises(FileExistsError, match="exists: choose another folder"):
        publish_run(folder, folder)
    (folder / "normalization.json").unlink()
    with pytest.raises(RunError, match=r"normalization\.json is missing"):
        publish_run(folder, tmp_path / "out")
    with pytest.raises(RunError, match="published already"):
        publish_run(published, tmp_path / "out")
    untrained = tmp_path / "untrained"
    untrained.mkdir()
    for name in ("config.yaml", "vocabulary.txt"):
        (untrained / name).write_bytes((one_run.folder / name).read_bytes())
    with pytest.raises(RunError, match="no checkpoint"):
        publish_run(untrained, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".unfinished*"))


KERNEL = "decoder/_classifier/kernel"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: weights.pop(KERNEL), "it lacks"),
        (lambda weights: weights.update(other=np.zeros(3, "f2")), "no weights other"),
        (
            lambda weights: weights.update({KERNEL: np.zeros([2, 2], "f2")}),
            r"kernel is float16 \[2, 2\], expected float32",
        ),
        (lambda weights: weights.update({KERNEL: np.full_like(weights[KERNEL], np.nan)}), "not finite"),
        (lambda weights: weights.update({KERNEL: weights[KERNEL].astype("i4")}), "kernel is int32"),
        (lambda weights: weights.update({"decoder/__class__": np.zeros(1, "f2")}), "no weights decoder/__class__"),
        (None, "damaged"),
    ],
    ids=["missing", "unknown", "shape", "NaN", "integers", "attribute", "cut"],
)
def test_weights_that_do_not_fit_are_refused(published, tmp_path, change, message):
    folder = copy(published, tmp_path / "changed")
    path = folder / Run.WEIGHTS
    if change is None:
        path.write_bytes(path.read_bytes()[:1000])
    else:
        weights = load_file(path)
        change(weights)
        save_file(weights, path)
    with pytest.raises(RunError, match=message):
        Captioner.load(folder)


def test_commands_take_a_preset(published, sounds, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AAC_TF_PRESETS", str(published.parent))
    soundfile.write(tmp_path / "a.wav", sounds[0], RATE)
    assert caption.main(["--run", "small", str(tmp_path / "a.wav"), "decoding.kind=greedy", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["caption"]
    assert result["sounds"] is None
    assert export_tflite.main(["--run", "small", "--output", str(tmp_path / "small.tflite")]) == 0
    capsys.readouterr()
    (tmp_path / "clips.csv").write_text("file_name,caption_1\na.wav,a dog barks\n")
    before = sorted(path.name for path in published.iterdir())
    data = ["data.source=manifest", f"data.root={tmp_path / 'clips.csv'}", "data.validation_fraction=0"]
    code = evaluate.main(["--run", "small", "--split", "train", "--metrics", "bleu", "--json", *data])
    output = capsys.readouterr()
    assert code == 0, output.err
    assert "bleu_1" in json.loads(output.out)["corpus"]
    assert "not stored, as small is not your folder: --output FOLDER stores captions and scores" in output.err
    assert sorted(path.name for path in published.iterdir()) == before


def test_the_default_preset_is_everyday(published, sounds, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("aac_tf.runs.presets.FOLDER", tmp_path / "presets")
    soundfile.write("a.wav", sounds[0], RATE)
    assert caption.main(["a.wav"]) == 2
    assert "everyday is not a run folder, nor a preset (presets: none)" in capsys.readouterr().err
    (tmp_path / "presets").mkdir()
    copy(published, tmp_path / "presets" / "everyday")
    assert caption.main(["a.wav"]) == 0
    assert capsys.readouterr().out.startswith("a.wav\t")


def test_sounds_need_yamnet(published, sounds, tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", sounds[0], RATE)
    assert caption.main(["--run", str(published), "--sounds", str(tmp_path / "a.wav")]) == 2
    assert "--sounds needs a run with YAMNet" in capsys.readouterr().err
