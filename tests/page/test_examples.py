"""The example sounds."""

import pytest
import soundfile

from aac_tf.page.examples import MAX_EXAMPLES, SCENES, find_examples, write_examples


def test_examples_are_sounds_of_their_length(tmp_path):
    examples = write_examples(tmp_path)
    assert list(examples) == list(SCENES)
    for name, path in examples.items():
        waveform, rate = soundfile.read(path)
        assert len(waveform) / rate == SCENES[name][0]
        assert 0.1 < abs(waveform).max() < 1


def test_examples_of_the_user_have_the_names_of_the_files(tmp_path):
    for name in [
        "b.wav",
        "a.flac",
        "b.mp3",
        "notes.txt",
        ".hidden.wav",
        *(f"x{number:02d}.wav" for number in range(20)),
    ]:
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    examples = find_examples(tmp_path)
    assert list(examples)[:4] == ["a", "b.mp3", "b.wav", "x00"]
    assert len(examples) == MAX_EXAMPLES


@pytest.mark.parametrize("name", ["", "none"])
def test_a_folder_without_files_is_refused(tmp_path, name):
    with pytest.raises(FileNotFoundError, match="no folder with sound files"):
        find_examples(tmp_path / name)
