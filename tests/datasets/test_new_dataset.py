"""A new dataset is one class: JSON lines without splits, beside the classes of the package."""

import json

import pytest
from contracts.dataset import check_dataset
from dataset_files import touch, write_csv

from aac_tf.datasets import Dataset, HeldOut, Manifest, Mixture, match_audio


class JSONLines(Dataset):
    """A file of captions, without division into splits."""

    def clips(self, split, audio_needed=True):
        if split != "train":
            return None
        rows = [json.loads(line) for line in (self.root / "captions.jsonl").read_text(encoding="utf-8").splitlines()]
        return match_audio({row["file"]: row["captions"] for row in rows}, self.root / "audio", audio_needed)


@pytest.fixture
def lines(tmp_path):
    root = tmp_path / "lines"
    names = [f"{place}-{k}.wav" for place in ("airport", "park", "tram") for k in range(4)]
    rows = [{"file": name, "captions": [f"caption {k} of {name}" for k in (1, 2)]} for name in names]
    touch(*(root / "audio" / name for name in names[1:]))
    (root / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return JSONLines(root)


def test_it_keeps_the_contract(lines):
    check_dataset(lines, ["train"])
    assert lines.clips("train")[0].captions == ["caption 1 of airport-1.wav", "caption 2 of airport-1.wav"]
    assert lines.clips("train").left_out == [("airport-0.wav", f"no such file in {lines.root / 'audio'}")]


def test_it_works_in_wrappers(lines, tmp_path):
    touch(lines.root / "audio" / "airport-0.wav")
    held_out = HeldOut(lines, 0.25, seed=0)
    check_dataset(held_out, ["train", "validation"])
    assert [len(held_out.clips(split)) for split in ("train", "validation")] == [9, 3]
    write_csv(tmp_path / "test.csv", ["file_name", "caption"], ["mine.wav", "a sound"])
    touch(tmp_path / "mine.wav")
    mixture = Mixture([("lines", held_out, 1), ("mine", Manifest(tmp_path), 2)])
    check_dataset(mixture, ["train", "validation", "test"])
    assert [clip.name for clip in mixture.require("test")] == ["mine/mine.wav"]
