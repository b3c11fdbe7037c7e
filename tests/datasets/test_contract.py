"""The shared check of datasets finds violations of the contract."""

import pytest
from contracts.dataset import check_dataset

from aac_tf.datasets import Clip, ClipList, Dataset, DatasetError
from aac_tf.scenes import Event, Scene


class Toy(Dataset):
    """A dataset that keeps the contract: three clips, one of them without a file."""

    def clips(self, split, audio_needed=True):
        if split != "train":
            return None
        clips = [Clip(name, str(self.root / name), ["a sound"]) for name in ("a.wav", "b.wav", "gone.wav")]
        return ClipList(clips[:2], [("gone.wav", "no such file")]) if audio_needed else ClipList(clips)

    def events(self, split):
        if split != "train":
            return None
        event = Event("rain", 0.0, 2.0, "foreground", -20.0)
        return {name: Scene(name, 2.0, (event,)) for name in ("a.wav", "b.wav", "gone.wav")}


class DuplicateNames(Toy):
    def clips(self, split, audio_needed=True):
        clips = super().clips(split, audio_needed)
        return clips and ClipList([*clips, clips[0]], clips.left_out)


class OtherPaths(Toy):
    def clips(self, split, audio_needed=True):
        clips = super().clips(split, audio_needed)
        return clips and ClipList([Clip(clip.name, clip.name, clip.captions) for clip in clips], clips.left_out)


class EmptyCaptions(Toy):
    def clips(self, split, audio_needed=True):
        clips = super().clips(split, audio_needed)
        return clips and ClipList([Clip(clip.name, clip.path, [" "]) for clip in clips], clips.left_out)


class ChangingOrder(Toy):
    reads = 0

    def clips(self, split, audio_needed=True):
        clips = super().clips(split, audio_needed)
        self.reads += 1
        return clips and ClipList(clips.clips[:: -1 if self.reads % 2 else 1], clips.left_out)


class MissingAudioNotReported(Toy):
    def clips(self, split, audio_needed=True):
        clips = super().clips(split, audio_needed)
        return clips and ClipList(clips.clips)


class MissingAudioWithoutReason(Toy):
    def clips(self, split, audio_needed=True):
        clips = super().clips(split, audio_needed)
        return clips and ClipList(clips.clips, [(name, "") for name, _ in clips.left_out])


class EmptySplitsForAbsentOnes(Toy):
    def clips(self, split, audio_needed=True):
        return super().clips(split, audio_needed) or ClipList([])


class UnknownSplitCrashes(Toy):
    def clips(self, split, audio_needed=True):
        return {"train": super().clips("train", audio_needed), "validation": None, "test": None}[split]


class EventsOfOtherNames(Toy):
    def events(self, split):
        return {name.replace(".wav", ""): scene for name, scene in (super().events(split) or {}).items()}


class EventsAfterTheEnd(Toy):
    def events(self, split):
        event = Event("rain", 1.0, 3.0, "foreground", -20.0)
        return {name: Scene(name, 2.0, (event,)) for name in super().events(split) or {}}


class EndsBeforeItBegins(Toy):
    def events(self, split):
        event = Event("rain", 1.0, 1.0, "foreground", -20.0)
        return {name: Scene(name, 2.0, (event,)) for name in super().events(split) or {}}


class PreparesAnew(Toy):
    def prepare(self, progress=None):
        with open(self.root / "prepared", "a") as file:
            file.write("again")


class OtherProgress(Toy):
    def prepare(self, progress=None):
        if progress:
            progress("Preparing")(1)


class LeavesOutWithoutNeed(Toy):
    def clips(self, split, audio_needed=True):
        clips = super().clips(split, audio_needed)
        if clips is None:
            return None
        return ClipList(clips.clips[:1], clips.left_out) if audio_needed else ClipList(clips.clips[:2])


VIOLATIONS = {
    DuplicateNames: "names are not unique",
    OtherPaths: "does not exist",
    EmptyCaptions: "captions of",
    ChangingOrder: "order change",
    MissingAudioNotReported: "not in left_out",
    MissingAudioWithoutReason: "no reason to leave out",
    LeavesOutWithoutNeed: "although no file is missing",
    EmptySplitsForAbsentOnes: "clips of the validation split",
    UnknownSplitCrashes: "no such split",
    EventsOfOtherNames: "clips without events",
    EventsAfterTheEnd: "lasts 2.0 s",
    EndsBeforeItBegins: "lasts 2.0 s",
    PreparesAnew: "preparing again changed files",
    OtherProgress: "missing 1 required positional argument",
}


@pytest.fixture
def root(tmp_path):
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_a_dataset_that_keeps_the_contract_passes(root):
    check_dataset(Toy(root), ["train"])


@pytest.mark.parametrize(("toy", "message"), VIOLATIONS.items())
def test_a_dataset_that_breaks_the_contract_fails(root, toy, message):
    with pytest.raises((AssertionError, KeyError, TypeError), match=message):
        check_dataset(toy(root), ["train"])


def test_a_split_that_should_exist_is_missed(root):
    with pytest.raises(AssertionError, match="clips of the test split"):
        check_dataset(Toy(root), ["train", "test"])


def test_absent_splits_may_be_errors(root):
    class Strict(Toy):
        def events(self, split):
            if split != "train":
                raise DatasetError(f"no {split} split")
            return super().events(split)

    check_dataset(Strict(root), ["train"])
