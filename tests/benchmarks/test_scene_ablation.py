import csv
import functools
import pathlib
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from aac_tf.config import load_config
from aac_tf.datasets import Clip, ClipList
from aac_tf.scenes.banks import FolderBank
from aac_tf.scenes.events import Scene

BENCHMARKS = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks_can_be_imported(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])


def write_bank(folder, names):
    folder.mkdir()
    rng = np.random.default_rng(len(names))
    with open(folder / "bank.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "category"])
        for name, category in names.items():
            writer.writerow([name, category])
            soundfile.write(folder / name, rng.uniform(-0.5, 0.5, 800), 16000)
    return folder


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    """16 recordings of dogs, of which 4 are grown, and 4 of birds; the folders of the bank."""
    root = tmp_path_factory.mktemp("banks")
    own = {f"dog {letter}.wav": "dog bark" for letter in "abcdefghijkl"}
    own |= {f"bird {letter}.wav": "birdsong" for letter in "abcd"}
    grown = {f"dog {letter}.wav": "dog bark" for letter in "mnop"}
    return FolderBank([write_bank(root / "own", own), write_bank(root / "grown", grown)], train_first=True)


def test_a_smaller_bank_lacks_training_recordings_alone(bank):
    from scene_variants import HALF, WHOLE, WITHOUT_GROWN, part_of_bank

    grown = [folder for folder in bank.folders if folder.name == "grown"]
    assert part_of_bank(bank, WHOLE, grown) is bank
    before = bank.files("dog bark", "train")
    without, half = (part_of_bank(bank, part, grown) for part in (WITHOUT_GROWN, HALF))
    assert without.files("dog bark", "train") == [name for name in before if name.startswith("own/")] != before
    assert len(half.files("dog bark", "train")) == (len(before) + 1) // 2
    assert half.available("train") == bank.available("train"), "half of the recordings, not of the kinds"
    for smaller in (without, half):
        assert set(smaller.files("dog bark", "train")) < set(before)
        assert smaller.files("dog bark", "validation") == bank.files("dog bark", "validation")
        assert smaller.describe() != bank.describe()
    assert bank.files("dog bark", "train") == before


def test_variants_compose_the_same_number_of_scenes_from_other_material(bank, tmp_path):
    from scene_variants import BASE, VARIANTS, Composer

    scripts = tmp_path / "captions.csv"
    lines = [f"{number}.wav,{caption}" for number in range(40) for caption in ("A dog barks.", "A bird sings.")]
    scripts.write_text("\n".join(["file_name,caption", *lines]))
    own, grown = bank.folders
    options = load_config(None, ["scenes.min_seconds=2", "scenes.max_seconds=2"]).scenes
    composer = Composer(tmp_path / "scenes", [own], [grown], [f"clotho={scripts}"], options, count=4, validation=2)
    roots = {name: composer.compose(name) for name in VARIANTS}
    tables = {name: (root / "captions_train.csv").read_text().splitlines() for name, root in roots.items()}
    assert {len(lines) for lines in tables.values()} == {5}
    base = tables.pop(BASE)
    assert base[0].endswith(",style")
    assert base[1].endswith(",clotho")
    plain = tables["without the style word"]
    assert plain == [line.rpartition(",")[0] for line in base]
    sounds = {name: (root / "train" / "train_00000.flac").read_bytes() for name, root in roots.items()}
    assert sounds["without the style word"] == sounds[BASE]
    assert sounds["without rooms, distance and recorders"] != sounds[BASE]
    assert len((composer.compose_validation() / "captions_validation.csv").read_text().splitlines()) == 3


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["styles", "attention"])  # the latter has normalized features
def test_stored_clips_get_the_captions_of_the_captioner(small_runs, tmp_path, kind):
    from stored_clips import RunCaptions, StoredClips, score

    from aac_tf.data.preparation import prepare_features
    from aac_tf.datasets import Clip, ClipList
    from aac_tf.runs import Run

    small, rng, clips = small_runs[kind], np.random.default_rng(0), []
    styles = ["audiocaps", "clotho", "none"] if kind == "styles" else [None] * 3
    for number, style in enumerate(styles):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, rng.uniform(-0.5, 0.5, 16000 * (3 - number)), 16000)
        clips.append(
            Clip(path.name, str(path), ["a dog barks", "a dog"], style="unknown" if style == "none" else style)
        )
    captioner = small.captioner
    stored = StoredClips(*prepare_features(captioner.config, ClipList(clips)))
    captions_of = RunCaptions(captioner.spec.num_bins)
    captions_of.load(Run(small.folder))
    found = captions_of.caption(stored)
    expected = captioner.caption([clip.path for clip in clips], style=styles)
    assert found == {clip.name: caption.text for clip, caption in zip(clips, expected)}
    right, cider = score({clip.name: "a dog barks" for clip in clips}, stored)
    assert len(cider) == 3
    assert (right["f1"], right["recall"]) == (1.0, 1.0)


def test_results_of_other_clips_are_not_taken_for_those_of_these():
    from stored_clips import StoredClips

    def key(caption="a dog barks", frames=9, scenes=None):
        clips = ClipList([Clip("a.wav", "a.wav", [caption])])
        return StoredClips(clips, SimpleNamespace(lengths=np.array([frames])), scenes).fingerprint()

    scenes = [{"a.wav": Scene("a.wav", seconds, ())} for seconds in (2.0, 3.0)]
    keys = [key(), key("a dog howls"), key(frames=8), *map(functools.partial(key, "a dog barks", 9), scenes)]
    assert len(set(keys)) == len(keys)
    assert key() == keys[0]


def test_differences_from_the_base_are_paired(capsys):
    from stored_grid import SHOWN, show_tables

    def run(cider, clips):
        return {**dict.fromkeys(SHOWN, 0.5), "cider": cider, "clips": clips}

    base = [run(0.5, [0.2, 0.8]), run(0.7, [0.4, 1.0])]
    less = [run(0.3, [0.0, 0.6]), run(0.5, [0.2, 0.8])]
    show_tables("recordings", 2, {"base": base, "half": less}, "scenes")
    lines = capsys.readouterr().out.splitlines()
    assert "| base | 0.500 ± 0.000 | 0.600 ± 0.141 | 0.500 ± 0.000 | 0.500 ± 0.000 |" in lines
    same = "+0.000 ± 0.000"
    assert lines[-1] == f"| half | {same} | -0.200 ± 0.000 | {same} | {same} | -0.200 ± 0.000 |"
