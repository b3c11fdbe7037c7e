"""Shards: complete ones are kept, and changed files are captioned again."""

import json
import os
import pathlib
import shutil

import pytest

from aac_tf.many import JobError, Settings, open_job
from aac_tf.many.batches import read_clip
from aac_tf.many.job import locked_folder
from aac_tf.many.model import ModelError, SavedCaptioner, _line, model_fingerprint, newest_version
from aac_tf.many.shards import caption_shard

SETTINGS = Settings(batch_seconds=5.0, batch_size=4)


class Recorder:
    """A captioner that returns the length of a clip, counts the clips it gets, and fails for the longest ones."""

    sample_rate = 16000

    def __init__(self):
        self.clips = 0

    def caption(self, waveforms):
        self.clips += len(waveforms)
        lines = [{"caption": f"{len(waveform)} samples", "log_prob": -1.0} for waveform in waveforms]
        return [{"error": "too much"} if len(wave) > 0.75 * 16000 else line for wave, line in zip(waveforms, lines)]


def read(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]


@pytest.fixture
def run(clips, tmp_path):
    """Function that captions all clips as one shard; returns (clips that the model got, counts, lines by path)."""
    job = open_job(str(tmp_path / "out"), sorted(clips), "model", shards=1)

    def run(settings=SETTINGS, paths=None):
        recorder = Recorder()
        counts, _ = caption_shard(job, 0, paths or sorted(clips), lambda: recorder, settings)
        lines = [line for path in (job.captions(0), job.failed(0)) for line in read(path)]
        assert len({line["file"] for line in lines}) == len(lines)
        return recorder.clips, counts, {line["file"]: line for line in lines}

    run.job = job
    return run


def test_every_file_has_one_line(run, clips):
    captioned, counts, lines = run()
    assert set(lines) == set(clips)
    assert captioned == sum(clips.values())
    assert counts["captioned"] + counts["failed"] == len(clips)
    for path, good in clips.items():
        assert good or lines[path]["error"]
        assert lines[path]["bytes"] == os.path.getsize(path)
    first = lines[min(clips)]
    assert int(first["caption"].split()[0]) / 16000 == pytest.approx(first["seconds"], abs=1e-3)
    assert counts["seconds"] == pytest.approx(sum(line.get("seconds", 0) for line in lines.values()))


def test_a_complete_shard_is_not_rewritten(run):
    run()
    times = [os.stat(path).st_mtime_ns for path in (run.job.captions(0), run.job.failed(0))]
    assert run()[0] == 0
    assert [os.stat(path).st_mtime_ns for path in (run.job.captions(0), run.job.failed(0))] == times


@pytest.mark.parametrize("left", ["captions", "failed", "damaged"])
def test_an_incomplete_shard_is_completed(run, left):
    _, counts, lines = run()
    if left == "damaged":
        path = pathlib.Path(run.job.captions(0))
        path.write_bytes(path.read_bytes()[:-20])
    else:
        os.remove({"captions": run.job.failed(0), "failed": run.job.captions(0)}[left])
    asked, *again = run()
    assert again == [counts, lines]
    refused = sum(line.get("error") == "too much" for line in lines.values())
    assert asked == (refused if left == "captions" else counts["captioned"])


GARBAGE = [b"", b"null", b"7", b"[]", b"{}", b'{"file": 3, "bytes": 1}', b'{"file": "a", "bytes": 1}', b"[" * 100000]
GARBAGE += [b"\xff\xfe", b'{"file": "a", "bytes": 1, "caption": "a dog", "log_prob": NaN, "seconds": 1}']


@pytest.mark.parametrize("kind", ["captions", "failed"])
@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_a_damaged_shard_is_redone(run, kind, garbage):
    _, counts, lines = run()
    path = pathlib.Path(getattr(run.job, kind)(0))
    path.write_bytes(garbage + b"\n" + path.read_bytes() if garbage else b"")
    _, *again = run()
    assert again == [counts, lines]


@pytest.mark.parametrize("garbage", [b"", b"null", b"[1]", b"{", b"\xff", b"[" * 100000], ids=range(6))
def test_a_damaged_job_says_so_and_damaged_inputs_are_written_again(run, clips, garbage, caplog):
    folder, paths = pathlib.Path(run.job.folder), sorted(clips)
    (folder / "inputs.jsonl").write_bytes(garbage)
    assert open_job(str(folder), paths, "model", 1) == run.job
    assert "inputs.jsonl is missing or damaged" in caplog.text
    ((_, begin, end),) = run.job.slices()
    assert run.job.paths(begin, end) == paths
    (folder / "inputs.jsonl").unlink()
    assert open_job(str(folder), paths, "model", 1) == run.job
    (folder / "job.json").write_bytes(garbage)
    with pytest.raises(JobError, match=r"job\.json is damaged.*--overwrite"):
        open_job(str(folder), paths, "model", 1)
    assert open_job(str(folder), paths, "model", 1, overwrite=True) == run.job
    assert open_job(str(folder), paths, "model", 1) == run.job


def test_two_jobs_in_one_folder(tmp_path):
    with (
        locked_folder(str(tmp_path / "out")),
        pytest.raises(JobError, match=f"process {os.getpid()} is working on the job in"),
        locked_folder(str(tmp_path / "out")),
    ):
        pass
    with locked_folder(str(tmp_path / "out")):
        pass


def test_damaged_models(model, tmp_path):
    for damage in (
        lambda folder: (folder / "assets.extra" / "model.json").write_text("[]"),
        lambda folder: (folder / "assets.extra" / "model.json").write_text('{"sample_rate": "?"}'),
        lambda folder: (folder / "saved_model.pb").write_bytes(b"x" * 100),
        lambda folder: (folder / "variables" / "variables.index").write_bytes(b""),
    ):
        folder = tmp_path / "model"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(os.path.join(model, "1"), folder)
        damage(folder)
        with pytest.raises(ModelError, match="damaged"):
            SavedCaptioner(str(folder))


def test_a_clip_without_a_caption_has_a_reason():
    assert _line([b"a dog", b"a cat"], [float("nan"), -2e30], b"") == {"error": "the model found no caption"}


def test_a_changed_file_is_captioned_again(make_clips, tmp_path):
    (tmp_path / "clips").mkdir()
    clips = make_clips(tmp_path / "clips")
    good, bad = str(tmp_path / "clips" / "03.wav"), str(tmp_path / "clips" / "empty.wav")
    job = open_job(str(tmp_path / "out"), sorted(clips), "model", shards=1)
    caption_shard(job, 0, sorted(clips), Recorder, SETTINGS)
    os.replace(good, bad)
    recorder = Recorder()
    counts, done = caption_shard(job, 0, sorted(clips), lambda: recorder, SETTINGS)
    assert recorder.clips == 1
    assert done["captioned"] + done["failed"] == 2
    captions, failed = ({line["file"]: line for line in read(path)} for path in (job.captions(0), job.failed(0)))
    assert bad in captions
    assert failed[good]["error"] == "no such file"
    assert len(captions) + len(failed) == len(clips) == counts["captioned"] + counts["failed"]


def test_failures_are_retried_on_request(run):
    _, counts, _ = run()
    captioned, _, _ = run(Settings(5.0, 4, retry_failed=True))
    assert 0 < captioned <= counts["failed"]


def test_another_job_is_rejected_or_overwritten(run, clips):
    run()
    folder, paths = run.job.folder, sorted(clips)
    for different in ((paths[1:], "model", 1), (paths, "other", 1), (paths, "model", 2)):
        with pytest.raises(JobError, match="another job"):
            open_job(folder, *different)
    job = open_job(folder, paths, "model", 2, overwrite=True)
    assert sorted(os.listdir(folder)) == ["inputs.jsonl", "job.json", "unfinished"]
    slices = job.slices()
    assert [path for _, begin, end in slices for path in job.paths(begin, end)] == paths
    assert len(slices) == 2


def test_the_newest_version_of_a_model_is_used(model, tmp_path):
    assert newest_version(model) == newest_version(os.path.join(model, "1")) == os.path.join(model, "1")
    (tmp_path / "9").mkdir()
    os.symlink(os.path.join(model, "1"), tmp_path / "10")
    assert newest_version(str(tmp_path)) == str(tmp_path / "10")
    assert model_fingerprint(newest_version(str(tmp_path))) == model_fingerprint(os.path.join(model, "1"))
    with pytest.raises(ModelError, match="aac-export"):
        newest_version(str(tmp_path / "9"))


def test_captions_have_the_style_of_the_job(small_runs, clips):
    run = small_runs["styles"]
    paths = [path for path, good in sorted(clips.items()) if good][:6]
    for style in (None, "clotho", "none"):
        saved = SavedCaptioner(str(run.model), style)
        found = saved.caption([read_clip(path, saved.sample_rate, 60.0).waveform for path in paths])
        expected = run.captioner.caption(paths, style=style)
        assert [line["caption"] for line in found] == [caption.text for caption in expected]
    with pytest.raises(ModelError, match="has no style 'macs': it has audiocaps, clotho, none"):
        SavedCaptioner(str(run.model), "macs")


def test_captions_equal_those_of_the_captioner(model, one_captioner, clips):
    saved = SavedCaptioner(os.path.join(model, "1"))
    paths = [path for path, good in sorted(clips.items()) if good][:6]
    found = saved.caption([read_clip(path, saved.sample_rate, 60.0).waveform for path in paths])
    for line, expected in zip(found, one_captioner.caption(paths)):
        assert line["caption"] == expected.text
        assert line["log_prob"] == pytest.approx(expected.log_prob, abs=1e-3)
        assert [other["caption"] for other in line["alternatives"]] == [other.text for other in expected.alternatives]
