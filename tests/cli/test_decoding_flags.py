"""The flags that choose how captions are found."""

import json

import numpy as np
import pytest
import soundfile

from aac_tf.cli import caption as command
from aac_tf.cli.flags import search_overrides
from aac_tf.config import load_config


@pytest.fixture
def sound(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 32000), 16000)
    return str(tmp_path / "a.wav")


def run(capsys, *arguments):
    code = command.main([*arguments, "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else None, err


@pytest.mark.slow
def test_runs_that_are_given_together_are_an_ensemble(small_runs, sound, capsys):
    one, other = (str(small_runs[kind].folder) for kind in ("attention, M = 4", "attention"))
    code, both, err = run(capsys, "--run", one, "--run", other, "--beam", "2", sound)
    assert code == 0
    assert f"{one} was" in err
    assert f"{other} was" in err
    _, alone, _ = run(capsys, "--run", one, "--beam", "2", sound)
    assert both["log_prob"] != alone["log_prob"]
    _, ranked, _ = run(capsys, "--run", one, "--rerank", other, "--beam", "2", "decoding.rerank_weight=0", sound)
    assert ranked["caption"] == alone["caption"]


def test_flags_constrain_captions(one_run, sound, capsys):
    folder = str(one_run.folder)
    _, free, _ = run(capsys, "--run", folder, sound)
    word = free["caption"].split()[0]
    flags = ["--forbid", word, "--max-words", "4", "--min-words", "2", "--no-repeat", "--no-repeat-ngram", "2"]
    code, found, _ = run(capsys, "--run", folder, *flags, "--search", "diverse_beam,rank=consensus", sound)
    assert code == 0
    for text in (found["caption"], *(other["caption"] for other in found["alternatives"])):
        words = text.split()
        assert word not in words
        assert 2 <= len(words) <= 4
    code, _, err = run(capsys, "--run", folder, "--forbid", "dogs", sound)
    assert code == 2
    assert "the model does not know the word `dogs`; similar words that it knows: dog" in err


def test_flags_become_keys_of_the_config():
    class Options:
        search = "beam,beam_size=5,forbidden_words=[dog,no],rank=consensus"
        style = None
        min_words = 3
        no_repeat = True

    config = load_config(None, search_overrides(Options))
    assert (config.decoding.beam_size, config.decoding.rank, config.decoding.min_words) == (5, "consensus", 3)
    assert config.decoding.repeat_words == "function"
    assert len(config.decoding.forbidden_words) == 2
