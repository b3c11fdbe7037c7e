"""Finding the sound files of captions."""

import unicodedata

from dataset_files import touch

from aac_tf.datasets import match_audio


def test_names_that_differ_only_in_case_or_unicode_form_are_found(tmp_path, caplog):
    stored = {unicodedata.normalize("NFD", "café.wav"), "sub/Dog.WAV", "Twin.wav", "TWIN.wav", "exact.wav", "Exact.wav"}
    touch(*(tmp_path / name for name in stored))
    names = ["café.wav", "sub/dog.wav", "twin.wav", "exact.wav"]
    clips = match_audio({name: ["a sound"] for name in names}, tmp_path, report_uncaptioned=True)
    assert [clip.name for clip in clips] == ["café.wav", "sub/dog.wav", "exact.wav"]
    assert {clip.path for clip in clips} <= {str(tmp_path / name) for name in stored}
    assert ("twin.wav", f"no such file in {tmp_path}") in clips.left_out  # which of the two?
    assert not any(name.startswith("caf") for name, _ in clips.left_out)
    assert "2 files in" in caplog.text


def test_impossible_names_do_not_stop_the_others(tmp_path):
    touch(tmp_path / "a.wav")
    names = ["x" * 300 + ".wav", "a\0b.wav", "a.wav/b.wav", "a.wav"]
    clips = match_audio({name: ["a sound"] for name in names}, tmp_path)
    assert [clip.name for clip in clips] == ["a.wav"]
    assert dict(clips.left_out)[names[0]] == "file name too long"
