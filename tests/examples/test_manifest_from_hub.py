"""A dataset of the Hugging Face hub as a manifest."""

import pathlib
import runpy

from dataset_files import touch, write_csv

from aac_tf.datasets import Manifest

ROOT = pathlib.Path(__file__).parents[2]


def test_rows_of_the_hub_become_a_manifest(tmp_path):
    write_manifest = runpy.run_path(str(ROOT / "examples" / "manifest_from_hub.py"))["write_manifest"]
    (tmp_path / "cat.flac").write_bytes(b"fLaC")
    splits = {
        "train": [
            {"sound": {"bytes": b"RIFF", "path": None}, "texts": ["a dog barks", 'barking, "loud"']},
            {"sound": {"bytes": None, "path": str(tmp_path / "cat.flac")}, "texts": ["a cat meows"]},
        ],
        "test": [{"sound": {"bytes": b"OggS", "path": "rain.ogg"}, "texts": "rain falls"}],
    }
    write_manifest(splits, tmp_path / "clips", audio="sound", captions="texts")
    clips = Manifest(tmp_path / "clips").require("train")
    assert [clip.captions for clip in clips] == [["a dog barks", 'barking, "loud"'], ["a cat meows"]]
    assert [pathlib.Path(clip.path).read_bytes() for clip in clips] == [b"RIFF", b"fLaC"]
    (clip,) = Manifest(tmp_path / "clips").require("test")
    assert (clip.name, clip.captions) == ("test/000000.ogg", ["rain falls"])


def test_the_layout_of_the_hub_for_sounds_is_a_manifest(tmp_path):
    write_csv(tmp_path / "metadata.csv", ["file_name", "caption", "speaker"], ["dog.wav", "a dog barks", "7"])
    touch(tmp_path / "dog.wav")
    assert [clip.captions for clip in Manifest(tmp_path / "metadata.csv").require("train")] == [["a dog barks"]]
