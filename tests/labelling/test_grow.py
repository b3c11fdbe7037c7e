"""The command `aac-bank`, with a stand-in for YAMNet that tells tones by their pitch."""

import csv
import json

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from full_disk import full_disk

import aac_tf.embeddings
from aac_tf.audio import YAMNET
from aac_tf.cli.bank import main
from aac_tf.datasets import SPLITS
from aac_tf.embeddings import FrozenEncoder
from aac_tf.labelling.grow import append_rows, write_piece
from aac_tf.scenes.banks import FolderBank
from aac_tf.utils.atomic import WriteError

RATE = 22050
DOG, CAT = 300, 3000


class Pitches(FrozenEncoder):
    """Hears dogs in the lower half of the spectrum and cats in the upper half, and animals everywhere."""

    spec, width, checksum, class_names = YAMNET, 1, "pitches", ("Animal", "Dog", "Cat")
    segment_times = (0.48, 0.48)

    def embed_and_score(self, spectrogram, length=None):
        frames = tf.shape(spectrogram)[1] // 48 * 48
        segments = tf.reduce_mean(tf.reshape(spectrogram[:, :frames], [1, -1, 48, 64]), axis=2)
        halves = tf.reduce_max(tf.reshape(segments, [1, -1, 2, 32]), axis=3)
        scores = tf.concat([tf.fill(tf.shape(halves[..., :1]), 0.95), 0.9 * tf.nn.softmax(8 * halves)], axis=2)
        return halves[..., :1], scores, tf.shape(scores)[1:2]


@pytest.fixture(autouse=True)
def pitches(monkeypatch):
    monkeypatch.setattr(aac_tf.embeddings, "YamnetEmbedder", Pitches, raising=False)


def tones(*pitches, seconds=3.0, rate=RATE):
    time = np.arange(int(seconds * rate)) / rate
    return np.concatenate([0.5 * np.sin(2 * np.pi * pitch * time) for pitch in pitches])


@pytest.fixture
def recordings(tmp_path):
    """A folder of six recordings, one of which is broken."""
    folder = tmp_path / "recordings"
    (folder / "more").mkdir(parents=True)
    for number in range(4):
        soundfile.write(folder / f"{100 * number}.wav", tones(DOG, CAT, DOG), RATE)
    soundfile.write(folder / "more" / "stereo.flac", np.stack([tones(CAT)] * 2, axis=1), RATE)
    (folder / "broken.wav").write_bytes(b"RIFF")
    (folder / "notes.txt").write_text("no sound")
    return folder


def read_table(bank):
    with open(bank / "sounds.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_writes_a_bank_of_the_dominant_sounds(recordings, tmp_path, capsys):
    bank = tmp_path / "bank"
    assert main([str(recordings), "--output", str(bank), "--licence", "CC0", "--json"]) == 3
    out, err = capsys.readouterr()
    assert "skipped: " in err
    assert "broken.wav: " in err
    assert err.endswith("13 pieces of 2 sounds in 5 recordings, 1 skipped\n")
    counts = json.loads(out)
    assert (counts["recordings"], counts["pieces"]) == (5, 13)
    assert list(counts["skipped"]) == [str(recordings / "broken.wav")]
    assert {name: (count["pieces"], count["recordings"]) for name, count in counts["categories"].items()} == {
        "dog bark": (8, 4),
        "cat": (5, 5),
    }
    rows = read_table(bank)
    assert list(rows[0]) == ["file_name", "category", "source", "licence", "group", "score", "start", "end"]
    first, second, third = (row for row in rows if row["group"] == "0.wav")
    assert [row["category"] for row in (first, second, third)] == ["dog bark", "cat", "dog bark"]
    assert first["file_name"] == "dog_bark/1/0.flac"
    assert third["file_name"] == "dog_bark/2/0.flac"
    assert (first["source"], first["licence"]) == ("recordings", "CC0")
    assert float(first["score"]) > 0.8
    assert float(second["start"]) == pytest.approx(3.0, abs=0.5)
    assert float(third["end"]) == 9.0
    for row in rows:
        waveform, rate = soundfile.read(bank / row["file_name"])
        assert (rate, waveform.ndim) == (RATE, 1)
        assert len(waveform) / rate == pytest.approx(float(row["end"]) - float(row["start"]), abs=0.002)
        middle = waveform[len(waveform) // 4 : -len(waveform) // 4]
        pitch = np.argmax(np.abs(np.fft.rfft(middle))) * rate / len(middle)
        assert pitch == pytest.approx(DOG if row["category"] == "dog bark" else CAT, rel=0.02)


def test_pieces_of_a_recording_stay_in_one_split(recordings, tmp_path, capsys):
    main([str(recordings), "--output", str(tmp_path / "bank")])
    assert "dog bark\t8 pieces from 4 recordings, " in capsys.readouterr().out
    bank = FolderBank(tmp_path / "bank")
    assert bank.categories == ("cat", "dog bark")
    groups = {row["file_name"]: row["group"] for row in read_table(tmp_path / "bank")}
    splits = [{groups[name] for kind in bank.categories for name in bank.files(kind, split)} for split in SPLITS]
    assert all(splits)
    assert sum(map(len, splits)) == len(set.union(*splits)) == 5


def test_long_recordings_are_cut_across_the_parts_they_are_read_in(tmp_path):
    (tmp_path / "long").mkdir()
    soundfile.write(tmp_path / "long" / "a.wav", tones(DOG, CAT, seconds=50, rate=16000), 16000)
    assert main([str(tmp_path / "long"), "--output", str(tmp_path / "bank"), "--max-seconds", "40"]) == 0
    rows = read_table(tmp_path / "bank")
    assert [row["category"] for row in rows] == ["dog bark", "dog bark", "cat", "cat"]
    for row in rows:
        seconds = float(row["end"]) - float(row["start"])
        assert soundfile.info(tmp_path / "bank" / row["file_name"]).duration == pytest.approx(seconds, abs=0.002)


def test_recordings_without_a_dominant_sound_give_no_bank(recordings, tmp_path, capsys):
    (recordings / "broken.wav").unlink()
    assert main([str(recordings), "--output", str(tmp_path / "bank"), "--threshold", "1"]) == 1
    assert "a lower --threshold or --margin finds more" in capsys.readouterr().err
    assert not (tmp_path / "bank").exists()


def test_recordings_of_the_same_name_do_not_replace_each_other(tmp_path):
    for place in ("a/x", "b/x"):
        (tmp_path / place).mkdir(parents=True)
        soundfile.write(tmp_path / place / "1.wav", tones(DOG), RATE)
    assert main([str(tmp_path / "a"), str(tmp_path / "b"), "--output", str(tmp_path / "bank")]) == 0
    rows = read_table(tmp_path / "bank")
    assert [row["group"] for row in rows] == ["a/x/1.wav", "b/x/1.wav"]
    assert [row["file_name"] for row in rows] == ["dog_bark/1/1.flac", "dog_bark/2/1.flac"]


def test_a_full_disk_is_named(tmp_path):
    noise = np.random.default_rng(0).uniform(-1, 1, 48000).astype(np.float32)
    with full_disk(), pytest.raises(WriteError, match=r"cannot write .*1\.flac: System error; free some disk space"):
        write_piece(tmp_path / "dog_bark" / "1.flac", noise, 16000)
    with full_disk(bytes_left=8), pytest.raises(WriteError, match=r"cannot write .*sounds\.csv: .*free some disk"):
        append_rows(tmp_path / "sounds.csv", ["file_name"], [["1.flac"]])
