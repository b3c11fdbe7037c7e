"""Datasets made of other datasets."""

import numpy as np
import pytest
from contracts.dataset import check_dataset
from dataset_files import touch, write_csv

from aac_tf.datasets import Clip, ClipList, Dataset, FirstClips, HeldOut, Manifest, Mixture, Styled
from aac_tf.scenes import Event, Scene


class Letters(Dataset):
    """A file per letter; each sounds for a second."""

    splits = ("train", "test")

    def prepare(self, progress=None):
        touch(*(self.root / letter for letter in "abcdefghij" if not (self.root / letter).exists()))

    def clips(self, split, audio_needed=True):
        if split not in self.splits:
            return None
        clips = [Clip(letter, str(self.root / letter), [f"the letter {letter}"]) for letter in "abcdefghij"]
        return ClipList(clips, [("k", "has no captions")])

    def events(self, split):
        if split not in self.splits:
            return None
        event = Event("letter", 0.0, 1.0, "foreground", -20.0)
        return {letter: Scene(letter, 1.0, (event,)) for letter in "abcdefghij"}


class AllSplits(Letters):
    splits = ("train", "validation", "test")


@pytest.fixture
def manifest(tmp_path):
    root = tmp_path / "manifest"
    write_csv(root / "train.csv", ["file_name", "caption"], ["m.wav", "x"], ["gone.wav", "y"])
    write_csv(root / "validation.csv", ["file_name", "caption"], ["v.wav", "x"])
    touch(root / "m.wav", root / "v.wav")
    return Manifest(root)


def names(dataset, split):
    return [clip.name for clip in dataset.clips(split)]


def test_contracts(tmp_path, manifest):
    letters = Letters(tmp_path / "letters")
    check_dataset(HeldOut(letters, 0.3, seed=0), ["train", "validation", "test"])
    check_dataset(HeldOut(AllSplits(tmp_path / "letters"), 0.3, seed=0), ["train", "validation", "test"])
    check_dataset(HeldOut(manifest, 0.3, seed=0), ["train", "validation"])
    check_dataset(FirstClips(letters, 3), ["train", "test"])
    check_dataset(FirstClips(manifest, 3), ["train", "validation"])
    check_dataset(Styled(manifest, "terse"), ["train", "validation"])
    mixture = Mixture([("letters", letters, 2), ("mine", manifest, 1)])
    check_dataset(mixture, ["train", "validation", "test"], all_events=False)
    check_dataset(HeldOut(FirstClips(Mixture([("only", letters, 1)]), 5), 0.3, seed=0), ["train", "validation", "test"])


@pytest.mark.parametrize(("fraction", "count"), [(0.25, 2), (0.01, 1), (0.95, 10)])
def test_held_out_clips_are_the_first_of_a_permutation(tmp_path, fraction, count):
    letters = Letters(tmp_path)
    dataset = HeldOut(letters, fraction, seed=7)
    held = set(np.random.default_rng(7).permutation(10)[:count])
    assert names(dataset, "validation") == [letter for k, letter in enumerate("abcdefghij") if k in held]
    assert names(dataset, "train") == [letter for k, letter in enumerate("abcdefghij") if k not in held]
    assert names(dataset, "test") == list("abcdefghij")
    assert dataset.clips("train").left_out == dataset.clips("validation").left_out == [("k", "has no captions")]
    assert set(names(dataset, "validation")) <= set(dataset.events("validation"))


def test_nothing_is_held_out_beside_a_validation_split(tmp_path):
    dataset = HeldOut(AllSplits(tmp_path), 0.3, seed=0)
    assert names(dataset, "train") == names(dataset, "validation") == list("abcdefghij")


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, float("nan")])
def test_the_fraction_lies_between_0_and_1(tmp_path, fraction):
    with pytest.raises(ValueError, match="between 0 and 1"):
        HeldOut(Letters(tmp_path), fraction, seed=0)


def test_first_clips(tmp_path):
    dataset = FirstClips(Letters(tmp_path), 3)
    assert names(dataset, "train") == names(dataset, "test") == list("abc")
    assert dataset.clips("train").left_out == [("k", "has no captions")]
    assert names(FirstClips(Letters(tmp_path), 30), "train") == list("abcdefghij")
    with pytest.raises(ValueError, match="at least 1; got 0"):
        FirstClips(Letters(tmp_path), 0)


def test_a_style_is_given_to_the_clips_without_one(tmp_path):
    write_csv(tmp_path / "train.csv", ["file_name", "caption", "style"], ["a.wav", "x", "terse"], ["b.wav", "y", ""])
    touch(tmp_path / "a.wav", tmp_path / "b.wav")
    own, given = (dataset.clips("train") for dataset in (Manifest(tmp_path), Styled(Manifest(tmp_path), "wordy")))
    assert [clip.style for clip in own] == ["terse", None]
    assert [clip.style for clip in given] == ["terse", "wordy"]
    assert [clip.style for clip in Mixture([("x", Styled(Manifest(tmp_path), "wordy"), 2)]).clips("train")] == [
        "terse",
        "wordy",
    ]


def test_mixture(tmp_path, manifest):
    letters = Letters(tmp_path / "letters")
    mixture = Mixture([("letters", letters, 2), ("mine", manifest, 3)])
    train = mixture.clips("train")
    assert [clip.name for clip in train] == [*(f"letters/{letter}" for letter in "abcdefghij"), "mine/m.wav"]
    assert [clip.weight for clip in train] == [2] * 10 + [3]
    assert train[10].path == str(manifest.root / "m.wav")
    assert [name for name, _ in train.left_out] == ["letters/k", "mine/gone.wav"]
    assert names(mixture, "validation") == ["mine/v.wav"]
    assert set(mixture.events("test")) == {f"letters/{letter}" for letter in "abcdefghij"}
    assert mixture.events("validation") is None
    assert Mixture([("mine", manifest, 1)]).clips("test") is None
    assert repr(mixture) == f"Mixture(letters=Letters({letters.root}), mine=Manifest({manifest.root}))"


def test_weights_of_nested_mixtures_multiply(manifest):
    mixture = Mixture([("outer", Mixture([("inner", manifest, 2)]), 3)])
    assert [(clip.name, clip.weight) for clip in mixture.clips("train")] == [("outer/inner/m.wav", 6)]


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ([], "unique names"),
        ([("a", 1), ("a", 1)], "unique names"),
        ([("", 1)], "unique names"),
        ([("a/b", 1)], "without slashes"),
        ([("a", 0)], "weight of a must be a positive integer; got 0"),
        ([("a", 0.5)], "weight of a must be a positive integer; got 0.5"),
    ],
)
def test_parts_of_a_mixture_have_unique_names_and_positive_weights(manifest, named, message):
    with pytest.raises(ValueError, match=message):
        Mixture([(name, manifest, weight) for name, weight in named])


def test_prepare_passes_through(tmp_path):
    letters = Letters(tmp_path)
    Mixture([("letters", FirstClips(HeldOut(letters, 0.2, seed=0), 2), 1)]).prepare()
    assert (tmp_path / "a").is_file()
