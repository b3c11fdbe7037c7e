"""Checks that a dataset keeps the contract of `aac_tf.datasets.Dataset`."""

import contextlib
import os

import pytest

from aac_tf.datasets import SPLITS, ClipList, Dataset, DatasetError


def check_dataset(dataset, splits, all_events=True):
    """Checks everything that `Dataset` promises.

    Args:
        dataset: `Dataset`, prepared or not.
        splits: names of the splits that it has; it must have no others.
        all_events: bool, whether a dataset that knows events knows those of all its clips.
    """
    assert isinstance(dataset, Dataset)
    assert set(splits) <= set(SPLITS)
    _check_prepare(dataset)
    for split in SPLITS:
        for audio_needed in (True, False):
            clips = dataset.clips(split, audio_needed)
            assert (clips is not None) == (split in splits), f"clips of the {split} split: {clips}"
    for split in splits:
        _check_clips(dataset, split)
        _check_missing_audio(dataset, split)
        _check_events(dataset, split, all_events)
    for split in {*SPLITS, "no such split"} - set(splits):
        _check_absent_split(dataset, split)


def _check_prepare(dataset):
    """Preparing a second time changes nothing, and reports progress in the form of the contract."""
    dataset.prepare()
    before, reports = _files(dataset.root), []

    def progress(what):
        assert isinstance(what, str)
        return lambda done, total: reports.append((done, total))

    dataset.prepare(progress)
    assert _files(dataset.root) == before, "preparing again changed files"
    assert all(0 <= done <= total for done, total in reports), f"progress {reports}"


def _files(root):
    paths = [] if root is None else sorted(root.rglob("*"))
    return [(path, path.stat().st_mtime_ns, path.stat().st_size) for path in paths if path.is_file()]


def _check_clips(dataset, split):
    for audio_needed in (True, False):
        clips = dataset.clips(split, audio_needed)
        assert isinstance(clips, ClipList)
        assert clips == dataset.clips(split, audio_needed), "clips or their order change"
        names = [clip.name for clip in clips]
        assert len(set(names)) == len(names), f"names are not unique: {names}"
        for clip in clips:
            assert isinstance(clip.name, str)
            assert isinstance(clip.path, str)
            assert clip.captions, f"{clip.name} has no captions"
            assert all(isinstance(caption, str) and caption.strip() for caption in clip.captions), f"captions of {clip}"
            assert isinstance(clip.weight, int)
            assert clip.weight >= 1
            assert not audio_needed or os.path.isfile(clip.path), f"{clip.path} does not exist"
        for name, reason in clips.left_out:
            assert name not in names, f"{name} is both in the split and left out"
            assert isinstance(reason, str)
            assert reason, f"no reason to leave out {name}"


def _check_missing_audio(dataset, split):
    """A clip is left out only if its file is missing, and then with a reason."""
    found, every = dataset.clips(split), dataset.clips(split, audio_needed=False)
    left_out = dict(found.left_out)
    missing = [clip.name for clip in every if not os.path.isfile(clip.path)]
    assert all(name in left_out for name in missing), f"without a file, but not in left_out: {missing}"
    if not missing:
        assert {clip.name for clip in found} == {clip.name for clip in every}, (
            "clips left out although no file is missing"
        )
    if len(found):
        assert dataset.require(split) == found


def _check_events(dataset, split, all_events):
    events = dataset.events(split)
    if events is None:
        return
    names = {clip.name for audio_needed in (True, False) for clip in dataset.clips(split, audio_needed)}
    unknown = names - set(events)
    assert not (unknown if all_events else unknown == names), f"clips without events: {unknown}"
    for name, scene in events.items():
        assert scene.seconds > 0
        onsets = [event.onset for event in scene.events]
        assert onsets == sorted(onsets), f"events of {name} are not in order of onset"
        for event in scene.events:
            assert isinstance(event.category, str)
            assert event.role in ("foreground", "background")
            assert 0 <= event.onset < event.offset <= scene.seconds, f"{event} of {name} lasts {scene.seconds} s"


def _check_absent_split(dataset, split):
    """It is None or a `DatasetError`, and an error that names it where a split is required."""
    for read in (dataset.clips, dataset.events):
        with contextlib.suppress(DatasetError):
            assert read(split) is None, f"something of a split that does not exist: {split}"
    with pytest.raises(DatasetError, match=split):
        dataset.require(split)
