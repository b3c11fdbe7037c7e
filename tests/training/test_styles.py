"""One model that learns two ways of speaking about the same sounds."""

import csv
import json

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from aac_tf import Captioner
from aac_tf.cli import caption as caption_command
from aac_tf.cli import evaluate as evaluate_command
from aac_tf.config import load_config
from aac_tf.decoding import Beam, Greedy, Sample
from aac_tf.runs.run import Run
from aac_tf.text import StyleError
from aac_tf.training.trainer import train

pytestmark = pytest.mark.slow

# The captions of a tone and of noise.
WORDS = {"terse": ["tone", "noise"], "wordy": ["there is a tone", "there is some noise"]}
SMALL = [
    "audio.sample_rate=16000",
    "audio.hop_length=1024",
    "audio.normalize=true",
    "specaugment.probability=0",
    "vocabulary.min_count=1",
    "vocabulary.style_dropout=0.2",
    "encoder.layers=1",
    "encoder.units=16",
    "decoder.units=16",
    "decoder.embedding=8",
    "decoder.attention_units=8",
    "training.batch_size=8",
    "training.learning_rate=2e-2",
]


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Override with two datasets: the style of one is in its CSV files, that of the other in the config."""
    root, rng = tmp_path_factory.mktemp("styles"), np.random.default_rng(0)
    for style, captions in WORDS.items():
        (root / style).mkdir()
        for split, count in (("train", 8), ("validation", 1), ("test", 2)):
            rows = [["file_name", "caption", *(["style"] if style == "terse" else [])]]
            for number in range(2 * count):
                name, kind = f"{split}{number}.wav", number % 2
                tone = np.sin(np.arange(16000) * rng.uniform(0.1, 0.6))
                sound = rng.uniform(0.1, 0.5) * (rng.normal(size=16000) / 3 if kind else tone)
                soundfile.write(root / style / name, sound, 16000)
                rows.append([name, captions[kind], *(["terse"] if style == "terse" else [])])
            with open(root / style / f"{split}.csv", "w", newline="") as file:
                csv.writer(file).writerows(rows)
    own = f"{{source: manifest, root: {root / 'terse'}}}"
    given = f"{{source: manifest, root: {root / 'wordy'}, style: wordy}}"
    return f"data.sources=[{own}, {given}]"


@pytest.fixture(scope="module")
def run(sources, tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("runs") / "run")
    train(load_config(None, [*SMALL, sources, "training.epochs=16", "training.monitor=val_loss"]), run)
    return run


@pytest.fixture(scope="module")
def sounds():
    rng = np.random.default_rng(1)
    return [np.sin(np.arange(16000) * 0.3) * 0.3, rng.normal(size=16000) * 0.1, np.sin(np.arange(9000) * 0.2) * 0.3]


def texts(captions):
    return [caption.text for caption in captions]


@pytest.mark.parametrize("search", [Greedy(), Beam(3), Sample(samples=4, temperature=0.2, seed=1)], ids=repr)
def test_each_style_has_its_words(run, sounds, search):
    captioner = Captioner.load(run.folder)
    assert captioner.styles == ["terse", "wordy"]
    for style, (tone, noise) in WORDS.items():
        assert texts(captioner.caption(sounds, search=search, style=style)) == [tone, noise, tone]
    # Without a style, one of the styles, as that is what was trained.
    plain = texts(captioner.caption(sounds, search=search))
    assert plain == texts(captioner.caption(sounds, search=search, style="none"))
    assert all(text in words for text, words in zip(plain[:2], zip(*WORDS.values())))


def test_a_batch_may_mix_styles(run, sounds):
    captioner, styles = Captioner.load(run.folder), ["wordy", "terse", None]
    together = captioner.caption(sounds, beam_size=2, style=styles)
    for sound, style, found in zip(sounds, styles, together):
        (alone,) = captioner.caption(sound, beam_size=2, style=style)
        assert found.text == alone.text
        assert found.log_prob == pytest.approx(alone.log_prob, abs=1e-4)
        assert [other.text for other in found.alternatives] == [other.text for other in alone.alternatives]
        for word, same in zip(found.words, alone.words, strict=True):
            np.testing.assert_allclose(word.weights, same.weights, atol=1e-5)
    with pytest.raises(ValueError, match="got 2 for 3 sounds"):
        captioner.caption(sounds, style=styles[:2])


def test_the_default_style_is_in_the_config(run, sounds):
    captioner = Captioner.load(run.folder, ["decoding.style=wordy"])
    assert texts(captioner.caption(sounds)) == texts(captioner.caption(sounds, style="wordy"))
    found = captioner.attend(sounds[0], captioner.caption(sounds[0])[0].text)
    assert found.log_prob == pytest.approx(captioner.caption(sounds[0])[0].log_prob, abs=1e-4)
    with pytest.raises(StyleError, match="no style 'macs': it knows terse, wordy, none"):
        captioner.caption(sounds, style="macs")
    with pytest.raises(StyleError, match="it knows terse, wordy, none"):
        Captioner.load(run.folder, ["decoding.style=macs"])


def test_commands_take_a_style(run, sounds, tmp_path, capsys):
    path = str(tmp_path / "tone.wav")
    soundfile.write(path, sounds[0], 16000)
    for style, (tone, _) in WORDS.items():
        assert caption_command.main(["--run", str(run.folder), "--style", style, path]) in (0, None)
        assert capsys.readouterr().out == f"{path}\t{tone}\n"
    assert caption_command.main(["--run", str(run.folder), "--style", "macs", path]) == 2
    assert "no style 'macs': it knows terse, wordy, none" in capsys.readouterr().err


def test_clips_are_scored_in_their_own_style(run, tmp_path, capsys):
    def score(*arguments):
        arguments = ["--run", str(run.folder), "--metrics", "bleu", "--json", "--output", str(tmp_path), *arguments]
        assert evaluate_command.main(arguments) in (0, None)
        return json.loads(capsys.readouterr().out)

    own, terse = score(), score("--style", "terse")
    assert own["corpus"]["bleu_1"] == pytest.approx(1.0)
    assert "style" not in own
    assert terse["style"] == "terse"
    assert terse["corpus"]["bleu_1"] < 0.5
    with open(tmp_path / "predictions.csv") as file:
        assert {row["caption_predicted"] for row in csv.DictReader(file)} == set(WORDS["terse"])


def test_resume_equals_an_uninterrupted_run(sources, tmp_path):
    straight, halves = Run(tmp_path / "straight"), Run(tmp_path / "halves")
    train(load_config(None, [*SMALL, sources, "training.epochs=2"]), straight)
    for epochs in (1, 2):
        train(load_config(None, [*SMALL, sources, f"training.epochs={epochs}"]), halves, resume=epochs == 2)
    for name, _ in tf.train.list_variables(str(straight.last)):
        if name.startswith("model/"):
            values = (tf.train.load_variable(str(run.last), name) for run in (straight, halves))
            np.testing.assert_array_equal(*values, name)
