import pytest
from contracts.dataset import check_dataset
from dataset_files import touch

from aac_tf.datasets import MACS, DatasetError

CAPTIONS = """\
files:
- filename: airport-barcelona-0-0-a.wav
  annotations:
  - annotator_id: 33
    sentence: adults talking and footsteps
    tags: [adults_talking, footsteps]
  - annotator_id: 1
    sentence: "People: talking, walking "
    tags: []
- filename: park-helsinki-7-1-a.wav
  annotations:
  - {annotator_id: 2, sentence: birds sing, tags: [birds_singing]}
  - {annotator_id: 3, sentence: ".", tags: []}
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "MACS.yaml").write_text(CAPTIONS)
    touch(tmp_path / "audio" / "airport-barcelona-0-0-a.wav")
    return tmp_path


def test_contract(root):
    check_dataset(MACS(root), ["train"])


def test_captions_of_all_annotators(root):
    clips = MACS(root).clips("train")
    assert [clip.captions for clip in clips] == [["adults talking and footsteps", "People: talking, walking"]]
    assert [name for name, _ in clips.left_out] == ["park-helsinki-7-1-a.wav"]
    assert [clip.captions for clip in MACS(root).clips("train", audio_needed=False)][1] == ["birds sing"]


@pytest.mark.parametrize("folder", ["TAU-urban-acoustic-scenes-2019-development/audio", "."])
def test_other_places_of_the_recordings(tmp_path, folder):
    (tmp_path / "MACS.yaml").write_text(CAPTIONS)
    touch(tmp_path / folder / "park-helsinki-7-1-a.wav")
    assert [clip.name for clip in MACS(tmp_path).clips("train")] == ["park-helsinki-7-1-a.wav"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("files: [{filename: a.wav}]", "expected `files`.*annotations"),
        ("- a", "expected `files`"),
        ("files: [", "not a YAML file"),
        (None, "cannot read .*MACS.yaml: No such file"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "MACS.yaml").write_text(content)
    with pytest.raises(DatasetError, match=message):
        MACS(tmp_path).clips("train")
