"""Captioners stored in the cache folder."""

import json
import os
import shutil

import numpy as np
import pytest
import soundfile

from aac_tf.audio import AudioError
from aac_tf.cli import caption
from aac_tf.inference.captioner import Captioner
from aac_tf.inference.stored import VARIABLE, CacheEntry
from aac_tf.utils.cache import CacheError, cache_folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AAC_TF_CACHE", str(tmp_path_factory.mktemp("stored")))
        yield


@pytest.fixture(scope="module")
def entry(cache, one_run, one_captioner):
    entry = CacheEntry(one_run.folder)
    assert entry.load() is None
    entry.save(one_captioner)
    return entry


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("recordings"), np.random.default_rng(0)
    for name, seconds in (("short", 0.6), ("long", 2.0)):
        soundfile.write(folder / f"{name}.wav", rng.normal(0, 0.1, int(seconds * 16000)), 16000)
    return [str(folder / "short.wav"), str(folder / "none.wav"), str(folder / "long.wav")]


def test_captions_are_those_of_the_captioner(entry, one_captioner, recordings):
    expected = list(one_captioner.caption_each(recordings))
    found = list(entry.load().caption_each(recordings))
    assert isinstance(found[1], AudioError)
    for one, other in ((expected[0], found[0]), (expected[2], found[2])):
        assert (other.text, [item.text for item in other.alternatives]) == (
            one.text,
            [item.text for item in one.alternatives],
        )
        assert other.log_prob == pytest.approx(one.log_prob, abs=1e-5)
        np.testing.assert_array_equal(other.step_edges, one.step_edges)
        for word, same in zip(other.words, one.words, strict=True):
            np.testing.assert_allclose(word.weights, same.weights, atol=1e-6)


def test_a_damaged_one_is_replaced(entry, one_captioner):
    graph = entry.folder / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[:-1])
    assert entry.load() is None
    entry.save(one_captioner)
    assert entry.load() is not None
    assert [path.name for path in entry.folder.parent.iterdir()] == [entry.folder.name]


def test_a_read_only_cache_is_used(entry, monkeypatch):
    def refused(*arguments):
        raise PermissionError("read-only")

    monkeypatch.setattr(os, "utime", refused)
    assert entry.load() is not None


def test_a_damaged_description_is_replaced(entry, one_captioner):
    about = entry.folder / "captioner.json"
    content = json.loads(about.read_text())
    for change in ({"step_times": None}, {"spec": {**content["captioner"]["spec"], "sample_rate": 8000}}):
        about.write_text(json.dumps({**content, "captioner": {**content["captioner"], **change}}))
        assert entry.load() is None
    about.write_text(json.dumps(content))
    assert entry.load() is not None


def test_captioners_beyond_the_limit_are_not_written(one_run, one_captioner, tmp_path, monkeypatch):
    monkeypatch.setenv("AAC_TF_CACHE", str(tmp_path))
    monkeypatch.setattr("aac_tf.inference.stored._max_bytes", lambda: 1000)
    monkeypatch.setattr("tensorflow.saved_model.save", None)
    CacheEntry(one_run.folder).save(one_captioner)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("folder", [None, "~nobody-has-this-name/cache"])
def test_without_a_home_folder_nothing_is_stored(one_run, one_captioner, folder, monkeypatch):
    monkeypatch.delenv("AAC_TF_CACHE")
    if folder:
        monkeypatch.setenv("AAC_TF_CACHE", folder)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as it does for a user without a home folder
    entry = CacheEntry(one_run.folder)
    entry.save(one_captioner)
    assert entry.load() is None
    with pytest.raises(CacheError, match="has no home folder: set AAC_TF_CACHE"):
        cache_folder()


@pytest.mark.parametrize("value", ["-1", "1.5", "1 GB", "9" * 5000])
def test_limits_that_are_no_number_are_refused(entry, value, monkeypatch):
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(ValueError, match="takes a number of megabytes"):
        entry.load()


def test_an_empty_limit_is_the_default(entry, monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    assert entry.load() is not None


def test_the_key_changes_with_what_captions_depend_on(cache, one_run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(one_run.folder, copy)
    found = {CacheEntry(copy, *arguments).folder for arguments in ((), (["decoding.min_words=3"],), ((), 2))}
    (weights,) = copy.rglob("*.data-00000-of-00001")
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    found.add(CacheEntry(copy).folder)
    assert len(found) == 4
    assert CacheEntry(one_run.folder).folder in found


def test_the_least_recently_used_are_removed(one_run, entry, one_captioner, tmp_path, monkeypatch):
    monkeypatch.setenv("AAC_TF_CACHE", str(tmp_path))
    others = tmp_path / "captioners"
    for index, name in enumerate(("older", "newer")):
        (others / name).mkdir(parents=True)
        (others / name / "captioner.json").touch()
        os.truncate(others / name / "captioner.json", 30 << 20)
        os.utime(others / name / "captioner.json", (1e9 + index, 1e9 + index))
    monkeypatch.setenv(VARIABLE, "50")
    here = CacheEntry(one_run.folder)
    here.save(one_captioner)
    assert sorted(path.name for path in others.iterdir()) == sorted(["newer", here.folder.name])
    monkeypatch.setenv(VARIABLE, "0")
    assert here.load() is None
    monkeypatch.setenv(VARIABLE, "lots")
    with pytest.raises(ValueError, match="takes a number of megabytes, got `lots`"):
        here.load()


def test_the_command_loads_what_it_stored(one_run, recordings, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AAC_TF_CACHE", str(tmp_path))
    arguments = ["--run", str(one_run.folder), "--beam", "2", "--json", recordings[0]]
    assert caption.main(arguments) == 0
    first = capsys.readouterr()
    monkeypatch.setattr(Captioner, "load", None)
    assert caption.main(arguments) == 0
    second = capsys.readouterr()
    assert (second.out, second.err) == (first.out, first.err)


def test_the_command_captions_if_the_cache_cannot_be_written(one_run, recordings, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AAC_TF_CACHE", str(tmp_path / "file"))
    assert caption.main(["--run", str(one_run.folder), recordings[0]]) == 0
    assert capsys.readouterr().out.startswith(recordings[0])
