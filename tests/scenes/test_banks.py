import csv
import wave

import numpy as np
import pytest
from contracts.bank import check_bank

from aac_tf.datasets import SPLITS, DatasetError
from aac_tf.scenes.banks import Bank, FolderBank, SyntheticBank

RATE = 16000


def tone(frequency, seconds=1.0, silence=0.5):
    sound = 0.5 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * RATE)) / RATE)
    return np.concatenate([np.zeros(int(silence * RATE)), sound, np.zeros(int(2 * silence * RATE))])


def pitch(waveform):
    return np.argmax(np.abs(np.fft.rfft(waveform, 10 * RATE))) / 10


def write_wav(path, waveform):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((waveform * 32767).astype("<i2").tobytes())


def write_bank(folder, rows, columns=("file_name", "category")):
    """Writes a tone of a different frequency per row; returns {file name: frequency}."""
    frequencies = {}
    for index, row in enumerate(rows):
        frequencies[row[0]] = 300 + 40 * index
        write_wav(folder / "audio" / row[0], tone(300 + 40 * index))
    with open(folder / "labels.csv", "w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return frequencies


def test_contracts(tmp_path):
    check_bank(SyntheticBank())
    write_bank(tmp_path, [(f"{category}{index}.wav", category) for category in ("rain", "gong") for index in range(5)])
    check_bank(FolderBank(tmp_path, RATE))


class NoiseBank(Bank):
    kind = "noise"

    def clip(self, category, split, rng, seconds=None):
        waveform = rng.uniform(-1, 1, round((seconds or 1.0) * RATE)).astype(np.float32)
        return waveform if split == "train" else waveform * (0.5 if split == "test" else 0.25)


class SharedSounds(NoiseBank):
    def clip(self, category, split, rng, seconds=None):
        return super().clip(category, "train", rng, seconds)


class WrongLength(NoiseBank):
    def clip(self, category, split, rng, seconds=None):
        return super().clip(category, split, rng)


class NotRepeatable(NoiseBank):
    def clip(self, category, split, rng, seconds=None):
        return super().clip(category, split, np.random.default_rng(), seconds)


class DoublePrecision(NoiseBank):
    def clip(self, category, split, rng, seconds=None):
        return super().clip(category, split, rng, seconds).astype(float)


class NotJSON(NoiseBank):
    def describe(self):
        return {**super().describe(), "folds": {1, 2}}


class NoKind(NoiseBank):
    kind = ""


def test_the_shared_check_finds_violations_of_the_contract():
    check_bank(NoiseBank(["rain", "dog bark"]))
    for kind in (SharedSounds, WrongLength, NotRepeatable, DoublePrecision, NotJSON, NoKind):
        with pytest.raises((AssertionError, TypeError)):
            check_bank(kind(["rain", "dog bark"]))


def test_errors_of_the_synthetic_bank():
    with pytest.raises(DatasetError, match="no synthesizer for piano; expected some of alarm, "):
        SyntheticBank(["rain", "piano"])
    with pytest.raises(DatasetError, match="at least 12000 Hz; got 8000"):
        SyntheticBank(sample_rate=8000)


def test_splits_of_the_synthetic_bank_draw_different_sounds():
    bank = SyntheticBank()
    assert len(bank.categories) >= 16
    drawn = [bank.clip("siren", split, np.random.default_rng(0), 2.0) for split in SPLITS]
    again = bank.clip("siren", "train", np.random.default_rng(0), 2.0)
    np.testing.assert_array_equal(drawn[0], again)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert np.corrcoef(drawn[first][:RATE], drawn[second][:RATE])[0, 1] < 0.9


def test_recordings_are_divided_60_20_20_and_trimmed(tmp_path):
    rows = [(f"{category}{index}.wav", category) for category in ("Dog_Bark", "gong") for index in range(10)]
    frequencies = write_bank(tmp_path, rows)
    bank = FolderBank(tmp_path, RATE)
    assert bank.categories == ("dog bark", "gong")
    assert not bank.skipped
    rng = np.random.default_rng(0)
    for category in bank.categories:
        files = [bank.files(category, split) for split in SPLITS]
        assert [len(names) for names in files] == [6, 2, 2]
        assert len(set().union(*files)) == 10
        for split, names in zip(SPLITS, files):
            wanted = {frequencies[name] for name in names}
            clips = [bank.clip(category, split, rng) for _ in range(12)]
            assert {round(pitch(clip) / 10) * 10 for clip in clips} <= wanted
            assert all(abs(len(clip) - RATE) <= 0.04 * RATE for clip in clips)
    assert len(bank.clip("gong", "train", rng, 0.25)) == 0.25 * RATE


def test_sustained_clips_are_looped_without_gaps(tmp_path):
    write_bank(tmp_path, [(f"{index}.wav", "rain") for index in range(5)])
    bank = FolderBank(tmp_path, RATE)
    assert bank.sustained == ("rain",)
    clip = bank.clip("rain", "train", np.random.default_rng(0), 7.0)
    assert len(clip) == 7 * RATE
    levels = np.sqrt(np.mean(np.square(clip[: 6 * RATE].reshape(-1, RATE // 10)), axis=1))
    assert levels.min() > 0.3  # 0.7 for a full-scale tone, less in a cross-fade that is out of phase


@pytest.mark.parametrize("ending", ["", "-41"])
def test_takes_of_a_recording_stay_together(tmp_path, ending):
    rows = [(f"1-{number}-{take}{ending}.wav", "gong") for number in range(6) for take in "ABC"]
    write_bank(tmp_path, rows)
    bank = FolderBank(tmp_path, RATE)
    recordings = [{name.split("-")[1] for name in bank.files("gong", split)} for split in SPLITS]
    assert all(recordings)
    assert sum(map(len, recordings)) == 6


@pytest.mark.parametrize("column", ["fold", "group"])
def test_folds_and_groups_stay_together(tmp_path, column):
    rows = [(f"{category}{index}.wav", category, index % 5 + 1) for category in ("gong", "drum") for index in range(10)]
    write_bank(tmp_path, rows, ("file_name", "category", column))
    bank = FolderBank(tmp_path, RATE)
    value_of = {row[0]: row[2] for row in rows}
    values = [{value_of[name] for category in bank.categories for name in bank.files(category, s)} for s in SPLITS]
    assert [len(found) for found in values] == [3, 1, 1]
    assert len(set().union(*values)) == 5


def test_several_folders_are_one_bank(tmp_path):
    """A recording that two folders cut differently has one source id and stays in one split."""
    for folder, ending in (("esc10", ""), ("esc50", "-41")):
        write_bank(tmp_path / folder, [(f"1-{number * 10}-A{ending}.wav", "gong") for number in range(6)])
    write_bank(tmp_path / "mine", [(f"{number}.wav", "drum") for number in range(3)])
    folders = [tmp_path / name for name in ("esc10", "esc50", "mine")]
    bank = FolderBank(folders, RATE)
    check_bank(bank)
    assert bank.categories == ("drums", "gong")
    files = [bank.files("gong", split) for split in SPLITS]
    assert sum(map(len, files)) == 12
    assert "esc50/1-0-A-41.wav" in set().union(*files)
    ids = [{name.split("-")[1] for name in names} for names in files]
    assert sum(map(len, ids)) == 6
    assert bank.describe() != FolderBank(folders[::2], RATE).describe()
    with pytest.raises(DatasetError, match="nowhere is not a folder"):
        FolderBank([tmp_path / "esc10", tmp_path / "nowhere"])


def test_a_folder_that_is_named_twice_is_refused(tmp_path):
    """Its recordings would be in the training and the test split at once."""
    write_bank(tmp_path / "mine", [(f"{number}.wav", "gong") for number in range(6)])
    (tmp_path / "alias").symlink_to(tmp_path / "mine")
    with pytest.raises(DatasetError, match=r"alias is in the bank twice.*name it once"):
        FolderBank([tmp_path / "mine", tmp_path / "alias"])


def test_train_first_keeps_categories_with_few_recordings(tmp_path):
    counts = {"one": 1, "two": 2, "three": 3, "five": 5, "twenty": 20}
    write_bank(tmp_path, [(f"{name}-{number}.wav", name) for name, count in counts.items() for number in range(count)])
    bank = FolderBank(tmp_path, RATE, train_first=True)
    check_bank(bank)
    assert not bank.left_out
    divided = {name: [len(bank.files(name, split)) for split in SPLITS] for name in counts}
    assert divided == {
        "one": [1, 0, 0],
        "two": [2, 0, 0],
        "three": [2, 1, 0],
        "five": [3, 1, 1],
        "twenty": [16, 2, 2],
    }
    assert bank.available("train") == bank.categories
    assert bank.available("test") == ("five", "twenty")


def test_train_first_keeps_neighbours_together(tmp_path):
    """Neighbouring numbers of one source may be pieces of one recording; a collection numbered through is divided."""
    rows = [(f"game_{number:04d}.wav", "gong", "game") for number in (1, 2, 3, 10, 11, 20, 30, 40, 50)]
    rows += [(f"baby_{number:04d}.wav", "baby cry", "babies") for number in range(40)]
    rows += [(f"1-{number}-A.wav", "cow", "") for number in (100, 101, 103, 200, 300, 400, 500, 600)]
    write_bank(tmp_path, rows, ("file_name", "category", "source"))
    bank = FolderBank(tmp_path, RATE, train_first=True)
    for together in (("game_0001", "game_0002", "game_0003"), ("game_0010", "game_0011")):
        places = {s for s in SPLITS for name in together if f"{name}.wav" in bank.files("gong", s)}
        assert len(places) == 1
    assert len({s for s in SPLITS for number in (100, 101, 103) if f"1-{number}-A.wav" in bank.files("cow", s)}) == 1
    babies = [[int(name[5:9]) for name in bank.files("baby cry", split)] for split in SPLITS]
    assert [len(numbers) for numbers in babies] == [32, 4, 4]
    assert all(numbers == list(range(numbers[0], numbers[0] + 4)) for numbers in babies[1:])


def test_two_folds_are_divided_into_three_splits(tmp_path):
    write_bank(
        tmp_path, [(f"{index}.wav", "gong", index % 2) for index in range(10)], ("file_name", "category", "fold")
    )
    bank = FolderBank(tmp_path, RATE)
    assert [len(bank.files("gong", split)) for split in SPLITS] == [6, 2, 2]


def test_unusable_clips_are_named_and_skipped(tmp_path, caplog):
    rows = [(f"{index}.wav", "gong") for index in range(8)] + [("lonely.wav", "zither")]
    write_bank(tmp_path, rows)
    (tmp_path / "audio" / "0.wav").write_bytes(b"no sound at all")
    (tmp_path / "audio" / "1.wav").unlink()
    write_wav(tmp_path / "audio" / "2.wav", np.zeros(RATE))
    with caplog.at_level("WARNING"):
        bank = FolderBank(tmp_path, RATE)
    assert sorted(bank.skipped) == ["0.wav", "1.wav", "2.wav"]
    assert bank.skipped["1.wav"] == "no such file"
    assert "skipped 3 of 9" in caplog.text
    assert bank.categories == ("gong",)
    assert list(bank.left_out) == ["zither"]
    assert sum(len(bank.files("gong", split)) for split in SPLITS) == 5


def test_folder_errors_say_what_is_needed(tmp_path):
    with pytest.raises(DatasetError, match="nowhere is not a folder"):
        FolderBank(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="one CSV file"):
        FolderBank(tmp_path)
    (tmp_path / "labels.csv").write_text("file_name,label\na.wav,gong\n")
    with pytest.raises(DatasetError, match="category"):
        FolderBank(tmp_path)
    (tmp_path / "labels.csv").write_text("file_name,category\na.wav,gong\n")
    with pytest.raises(DatasetError, match="three independent recordings"):
        FolderBank(tmp_path)
    (tmp_path / "labels.csv").write_text("file_name,category,drawn\na.wav,gong,Gong\n")
    with pytest.raises(DatasetError, match=r"at least one recording \(0 clips skipped\).* `drawn` only stand in"):
        FolderBank(tmp_path, train_first=True)


@pytest.mark.real_data
def test_splits_of_real_recordings_share_no_recording(real_data, tmp_path):
    source = real_data / "esc10"
    with open(source / "esc10.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["category"] in ("dog bark", "rain")]
    (tmp_path / "audio").symlink_to(source / "audio")
    with open(tmp_path / "esc.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    bank = FolderBank(tmp_path)
    assert bank.categories == ("dog bark", "rain")
    assert not bank.skipped
    folds = [{name[0] for category in bank.categories for name in bank.files(category, split)} for split in SPLITS]
    assert all(folds)
    assert sum(map(len, folds)) == 4
    clip = bank.clip("dog bark", "train", np.random.default_rng(0))
    assert np.abs(clip[: RATE // 20]).max() > 0.005  # ESC pads clips with digital silence
