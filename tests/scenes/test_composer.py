import csv
import json
import wave

import numpy as np
import pytest

from aac_tf.datasets.clips import DatasetError
from aac_tf.scenes.banks import SyntheticBank
from aac_tf.scenes.composer import Event, compose_scene, read_scenes, write_scenes
from aac_tf.scenes.language import (
    MAX_WORDS,
    WORDINGS,
    canonical_category,
    find_mentions,
    weighted_captions,
    wording,
    words_of,
    write_captions,
)

COUNTS = {"train": 12, "validation": 3, "test": 4}


def event(category, onset, offset, role="foreground"):
    return Event(category, onset, offset, role, -20.0)


def files_of(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def read_wav(path):
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768, file.getframerate()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus") / "scenes"
    seen = []
    write_scenes(root, SyntheticBank(), COUNTS, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(number, 19) for number in range(1, 20)]
    return root


def test_a_corpus_has_the_form_of_clotho(written):
    for split, count in COUNTS.items():
        with open(written / f"captions_{split}.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        scenes = read_scenes(written, split)
        assert len(rows) == count
        assert [row["file_name"] for row in rows] == list(scenes)
        assert {path.name for path in (written / split).iterdir()} == set(scenes)
        for row in rows:
            captions = [row[f"caption_{number}"] for number in range(1, 6)]
            assert len(set(captions)) == 5
            assert all(1 < len(caption.split()) <= MAX_WORDS for caption in captions)
            assert all(caption == caption.lower() for caption in captions)
            waveform, rate = read_wav(written / split / row["file_name"])
            scene = scenes[row["file_name"]]
            assert rate == 16000
            assert len(waveform) / rate == pytest.approx(scene.seconds, abs=0.001)
            assert 4.0 <= scene.seconds <= 12.0
            assert np.abs(waveform).max() < 0.99


def test_same_arguments_same_bytes_and_other_seed_other_scenes(written, tmp_path):
    again = write_scenes(tmp_path / "again", SyntheticBank(), COUNTS)
    assert files_of(again) == files_of(written)
    other = write_scenes(tmp_path / "other", SyntheticBank(), {"test": 4}, seed=1)
    assert (other / "events.json").read_text() != (written / "events.json").read_text()
    assert not set(files_of(other / "test").values()) & set(files_of(written / "test").values())


def test_a_finished_corpus_is_kept_and_another_one_refused(written):
    before = {path: path.stat().st_mtime_ns for path in written.rglob("*")}
    assert write_scenes(written, SyntheticBank(), COUNTS) == written
    assert {path: path.stat().st_mtime_ns for path in written.rglob("*")} == before
    with pytest.raises(DatasetError, match="another seed, max_events; delete"):
        write_scenes(written, SyntheticBank(), COUNTS, seed=3, max_events=2)
    with pytest.raises(DatasetError, match="another bank"):
        write_scenes(written, SyntheticBank(["rain", "siren", "phone"]), COUNTS)
    assert {path: path.stat().st_mtime_ns for path in written.rglob("*")} == before


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DatasetError, match="choose another folder"):
        write_scenes(tmp_path, SyntheticBank(), {"test": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_interrupted_run_leaves_nothing(tmp_path):
    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    root = tmp_path / "scenes"
    with pytest.raises(KeyboardInterrupt):
        write_scenes(root, SyntheticBank(), {"test": 4}, progress=stop)
    assert list(tmp_path.iterdir()) == []
    root.mkdir()  # an empty folder is no obstacle
    assert len(read_scenes(write_scenes(root, SyntheticBank(), {"test": 2}), "test")) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"counts": {"test": 0}}, "counts"),
        ({"counts": {"dev": 3}}, "validation"),
        ({"sample_rate": 44100}, "sample_rate=44100"),
        ({"max_events": 4}, "max_events"),
        ({"min_seconds": 9, "max_seconds": 8}, "min_seconds"),
    ],
)
def test_arguments_out_of_range(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        write_scenes(tmp_path / "scenes", SyntheticBank(), **arguments)


def test_reading_what_is_not_there(written, tmp_path):
    with pytest.raises(DatasetError, match="write_scenes"):
        read_scenes(tmp_path, "test")
    only = write_scenes(tmp_path / "only", SyntheticBank(), {"test": 1})
    with pytest.raises(DatasetError, match="no scenes for 'train'; it has test"):
        read_scenes(only, "train")
    record = json.loads((written / "scenes.json").read_text())
    assert record["seed"] == 0
    assert record["bank"]["kind"] == "synthetic"
    assert record["version"]


def loudness_db(waveform):
    frames = waveform[: len(waveform) // 800 * 800].reshape(-1, 800)
    return 10 * np.log10(np.percentile(np.mean(np.square(frames), axis=1), 90) + 1e-12)


def test_events_are_audible_apart_and_where_they_are_said_to_be():
    bank = SyntheticBank()
    layouts = set()
    for index in range(60):
        waveform, events = compose_scene(bank, "train", np.random.default_rng(index))
        front = [e for e in events if e.role == "foreground"]
        behind = [e for e in events if e.role == "background"]
        seconds = len(waveform) / 16000
        assert 1 <= len(events) <= 3
        assert len({e.category for e in events}) == len(events)
        assert [e.onset for e in events] == sorted(e.onset for e in events)
        assert all(0 <= e.onset < e.offset <= seconds for e in events)
        sequential = all(a.offset < b.onset for a, b in zip(front, front[1:]))
        layouts.add((len(front), sequential, len(behind)))
        if sequential:
            assert all(b.onset - a.onset >= 0.99 for a, b in zip(front, front[1:]))
        for e in behind:
            assert e.category in bank.sustained
            assert e.offset - e.onset > 0.9 * seconds
            assert e.level <= min(f.level for f in front) - 10
        inside = np.zeros(len(waveform), bool)
        for e in front:
            inside[int(e.onset * 16000) : int(e.offset * 16000)] = True
        outside = waveform[~inside]
        for e in front:
            heard = loudness_db(waveform[int(e.onset * 16000) : int(e.offset * 16000)])
            assert heard == pytest.approx(e.level, abs=4.0)
            assert heard > loudness_db(outside) + 8
        if not behind:
            assert loudness_db(outside) < -50
    assert layouts == {(1, True, 0), (2, True, 0), (3, True, 0), (1, True, 1), (2, True, 1), (2, False, 0)}


def test_max_events_and_short_scenes_are_kept():
    bank = SyntheticBank()
    for index in range(20):
        _, events = compose_scene(bank, "test", np.random.default_rng(index), max_events=1)
        assert len(events) == 1
        waveform, events = compose_scene(bank, "test", np.random.default_rng(index), 2.0, 3.0)
        assert 2 * 16000 <= len(waveform) <= 3 * 16000
        front = [e for e in events if e.role == "foreground"]
        assert len(front) <= 2
        assert all(e.offset - e.onset > 0.3 for e in front)
    one = SyntheticBank(["rain"])
    assert [e.category for e in compose_scene(one, "test", np.random.default_rng(0))[1]] == ["rain"]


def test_captions_tell_the_order_and_what_lies_behind():
    events = (event("rain", 0, 9, "background"), event("dog bark", 1, 2), event("bell", 4, 6))
    captions = [caption for _, caption in weighted_captions(events)]
    assert captions[0] == "a dog barks and then a bell tolls while rain falls in the background"
    assert "a dog barking followed by a bell tolling with rain falling in the background" in captions
    assert "a bell tolls after a dog barks as rain falls" in captions
    together = [caption for _, caption in weighted_captions((event("siren", 1, 5), event("knock", 2, 3)))]
    assert together[0] == "a siren wails while someone knocks"
    assert not any("then" in caption or "follow" in caption for caption in together)


def test_five_captions_differ_and_favour_the_likeliest():
    events = (event("dog bark", 1, 2), event("bell", 4, 6))
    written = [write_captions(events, np.random.default_rng(seed)) for seed in range(50)]
    assert all(len(set(captions)) == 5 for captions in written)
    assert sum("a dog barks and then a bell tolls" in captions for captions in written) > 35


def test_a_scene_without_words_is_an_error():
    with pytest.raises(ValueError, match="at most one background"):
        weighted_captions((event("rain", 0, 9, "background"), event("wind", 0, 9, "background"), event("cat", 1, 2)))
    with pytest.raises(ValueError, match="three foreground"):
        weighted_captions(())


@pytest.mark.parametrize("category", [*WORDINGS, "zither", "big steel drum"])
def test_a_wording_names_its_category_and_no_other(category):
    words = wording(category)
    for phrase in (words.present, words.progressive, words.noun, *words.keys):
        assert {name for _, _, name in find_mentions(words_of(phrase), [category])} == {category}
        assert len(phrase.split()) <= 6


def test_a_label_wins_over_the_words_it_is_made_of():
    mentions = find_mentions(words_of("the sound of train horn and then a train passes"), ["train horn"])
    assert [name for _, _, name in mentions] == ["train horn", "train"]


def test_labels_of_esc_are_worded():
    labels = "dog rooster pig cow frog cat hen insects sheep crow rain sea_waves crackling_fire crickets chirping_birds"
    labels += (
        " water_drops wind pouring_water toilet_flush thunderstorm crying_baby sneezing clapping breathing coughing"
    )
    labels += " footsteps laughing brushing_teeth snoring drinking_sipping door_wood_knock mouse_click keyboard_typing"
    labels += " door_wood_creaks can_opening washing_machine vacuum_cleaner clock_alarm clock_tick glass_breaking"
    labels += " helicopter chainsaw siren car_horn engine train church_bells airplane fireworks hand_saw"
    assert len(labels.split()) == 50
    assert all(canonical_category(label) in WORDINGS for label in labels.split())
    assert len({canonical_category(label) for label in labels.split()}) == 50
    assert canonical_category("Sea waves") == canonical_category("sea_waves") == "waves"
    assert canonical_category("Zither_Pluck") == "zither pluck"


@pytest.mark.real_data
def test_labels_of_the_real_clips_are_worded(real_data):
    for table in (real_data / "esc10" / "esc10.csv", real_data / "esc50_subset" / "esc50_subset.csv"):
        with open(table, newline="") as file:
            labels = {row["category"] for row in csv.DictReader(file)}
        assert {label for label in labels if canonical_category(label) not in WORDINGS} == set()


def test_the_likeliest_wording_reaches_a_good_bleu(written):
    bleu = pytest.importorskip("pycocoevalcap.bleu.bleu").Bleu
    references, predictions = {}, {}
    for index in range(150):
        rng = np.random.default_rng(index)
        front = [scene_event for scene_event in ("siren", "knock", "phone") if rng.uniform() < 0.6] or ["bell"]
        events = [event(category, 2.0 * place, 2.0 * place + 1) for place, category in enumerate(front)]
        if len(front) < 3 and rng.uniform() < 0.4:
            events.insert(0, event("rain", 0, 9, "background"))
        references[index] = [" ".join(words_of(caption)) for caption in write_captions(events, rng)]
        predictions[index] = [" ".join(words_of(weighted_captions(events)[0][1]))]
    scores, _ = bleu(4).compute_score(references, predictions, verbose=0)
    assert scores[3] > 0.6
