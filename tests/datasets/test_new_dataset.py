"""A new dataset is one class: MACS, whose captions are a YAML file, beside the classes of the package."""

import pytest
import yaml
from contracts.dataset import check_dataset
from dataset_files import touch, write_csv

from aac_tf.datasets import Dataset, HeldOut, Manifest, Mixture, match_audio


class MACS(Dataset):
    """Captions of TAU Urban Acoustic Scenes, without division into splits.

    Reference:
        Martin Morato, Mesaros, What is the Ground Truth? Reliability of Multi-annotator Data for Audio Tagging,
        EUSIPCO 2021.
    """

    def clips(self, split, audio_needed=True):
        if split != "train":
            return None
        files = yaml.safe_load((self.root / "MACS.yaml").read_text(encoding="utf-8"))["files"]
        captions = {file["filename"]: [about["sentence"] for about in file["annotations"]] for file in files}
        return match_audio(captions, self.root / "audio", audio_needed)


@pytest.fixture
def macs(tmp_path):
    root = tmp_path / "macs"
    names = [f"{place}-{k}.wav" for place in ("airport", "park", "tram") for k in range(4)]
    files = [
        {
            "filename": name,
            "annotations": [
                {"annotator_id": k, "sentence": f"caption {k} of {name}", "tags": ["speech"]} for k in (1, 2)
            ],
        }
        for name in names
    ]
    touch(*(root / "audio" / name for name in names[1:]))
    (root / "MACS.yaml").write_text(yaml.safe_dump({"files": files}))
    return MACS(root)


def test_it_keeps_the_contract(macs):
    check_dataset(macs, ["train"])
    assert macs.clips("train")[0].captions == ["caption 1 of airport-1.wav", "caption 2 of airport-1.wav"]
    assert macs.clips("train").left_out == [("airport-0.wav", f"no such file in {macs.root / 'audio'}")]


def test_it_works_in_wrappers(macs, tmp_path):
    touch(macs.root / "audio" / "airport-0.wav")
    held_out = HeldOut(macs, 0.25, seed=0)
    check_dataset(held_out, ["train", "validation"])
    assert [len(held_out.clips(split)) for split in ("train", "validation")] == [9, 3]
    write_csv(tmp_path / "test.csv", ["file_name", "caption"], ["mine.wav", "a sound"])
    touch(tmp_path / "mine.wav")
    mixture = Mixture([("macs", held_out, 1), ("mine", Manifest(tmp_path), 2)])
    check_dataset(mixture, ["train", "validation", "test"])
    assert [clip.name for clip in mixture.require("test")] == ["mine/mine.wav"]
