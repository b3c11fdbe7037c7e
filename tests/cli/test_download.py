"""`aac-download`, from a local server with small archives in the form of the published ones."""

import csv
import dataclasses
import hashlib
import io
import json
import zipfile

import py7zr
import pytest
from web import serve

from aac_tf.cli.download import main
from aac_tf.cli.tools import TOOLS
from aac_tf.datasets import MACS, AudioCaps, Clotho
from aac_tf.downloads import catalogue, read_catalogue
from aac_tf.scenes.banks.labels import read_labels
from aac_tf.utils.download import DownloadError

PUBLISHED = read_catalogue()


@pytest.fixture
def web(monkeypatch, tmp_path):
    monkeypatch.setattr("aac_tf.utils.resumed.time.sleep", lambda seconds: None)
    # As if the server spoke HTTPS.
    monkeypatch.setattr("aac_tf.utils.resumed.ResumedDownload._check_protection", lambda *arguments: None)
    monkeypatch.chdir(tmp_path)
    with serve() as web:
        yield web


def publish(web, monkeypatch, name, files, counts=None):
    """Puts files on the server, and makes them those of the catalogue's entry."""
    for file, content in files.items():
        web.files[f"/{file}"] = content
    entry = PUBLISHED[name]
    ours = [
        dataclasses.replace(
            file,
            address=(f"{web.address}/{file.name}",),
            md5=file.md5 and hashlib.md5(files[file.name]).hexdigest(),
            count=(counts or {}).get(file.name),
        )
        for file in entry.files
        if file.name in files
    ]
    table = {**PUBLISHED, name: dataclasses.replace(entry, files=tuple(ours))}
    monkeypatch.setattr("aac_tf.downloads.read_catalogue", lambda: table)


def table(*rows):
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def zipped(files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def clotho():
    files = {}
    for split in ("development", "validation", "evaluation"):
        header = ["file_name", *(f"caption_{number}" for number in range(1, 6))]
        row = [f"{split} dog.wav", *(f"a dog barks {number} times" for number in range(1, 6))]
        files[f"clotho_captions_{split}.csv"] = table(header, row)
        files[f"clotho_metadata_{split}.csv"] = table(["file_name", "licence"], [f"{split} dog.wav", "CC0"])
        content = io.BytesIO()
        with py7zr.SevenZipFile(content, "w") as archive:
            archive.writestr(b"RIFF" + split.encode() * 1000, f"{split}/{split} dog.wav")
        files[f"clotho_audio_{split}.7z"] = content.getvalue()
    return files


def test_clotho_is_ready_for_its_reader(web, monkeypatch, tmp_path, capsys):
    publish(web, monkeypatch, "clotho", clotho())
    assert main(["clotho", "--output", "data/clotho", "--json"]) == 0
    for split in ("train", "validation", "test"):
        clips = Clotho("data/clotho").require(split)
        assert [len(clip.captions) for clip in clips] == [5]
        assert clips.left_out == []
    assert not list((tmp_path / "data/clotho").rglob("*.7z"))
    captured = capsys.readouterr()
    assert captured.err.index("licence: captions free for non-commercial") < captured.err.index("1/9 clotho_captions")
    assert json.loads(captured.out)["use"] == "data.source=clotho data.root=data/clotho"


def test_what_is_there_is_not_downloaded_again(web, monkeypatch, tmp_path, capsys):
    publish(web, monkeypatch, "clotho", clotho())
    assert main(["clotho"]) == 0
    web.requests.clear()
    assert main(["clotho"]) == 0
    assert web.requests == []
    (tmp_path / "clotho/validation/validation dog.wav").unlink()
    assert main(["clotho"]) == 0
    assert [path for _, path, _ in web.requests] == ["/clotho_audio_validation.7z"]
    assert (tmp_path / "clotho/validation/validation dog.wav").is_file()


def test_an_interrupted_download_is_resumed(web, monkeypatch, tmp_path):
    files = clotho()
    publish(web, monkeypatch, "clotho", files)
    monkeypatch.setattr("aac_tf.utils.resumed._ATTEMPTS", 1)
    name = "clotho_audio_development.7z"
    (tmp_path / "clotho/.downloads").mkdir(parents=True)
    (tmp_path / f"clotho/.downloads/{name}.part").write_bytes(files[name][:100])
    assert main(["clotho"]) == 0
    assert ("GET", f"/{name}", "bytes=100-") in web.requests


def test_only_some_files(web, monkeypatch, tmp_path):
    publish(web, monkeypatch, "clotho", clotho())
    assert main(["clotho", "--only", "*captions*"]) == 0
    assert len(Clotho("clotho").require("train", audio_needed=False)) == 1
    assert len([path for path in (tmp_path / "clotho").rglob("*") if path.is_file()]) == 3


def test_a_damaged_file_is_refused_and_a_mirror_is_tried_first(web, monkeypatch, tmp_path, capsys):
    files = clotho()
    publish(web, monkeypatch, "clotho", files)
    web.files["/clotho_captions_validation.csv"] = b"something else"
    assert main(["clotho"]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert "clotho_captions_validation.csv" in error
    assert "does not match" in error
    assert not (tmp_path / "clotho/clotho_captions_validation.csv").exists()
    web.files.update({f"/mirror/{name}": content for name, content in files.items()})
    assert main(["clotho", "--mirror", f"{web.address}/nothing", "--mirror", f"{web.address}/mirror/"]) == 0
    assert len(Clotho("clotho").require("validation")) == 1


def test_servers_that_fail(web, monkeypatch, capsys):
    publish(web, monkeypatch, "clotho", clotho())
    web.down = True
    assert main(["clotho"]) == 1
    assert "error: cannot download" in (error := capsys.readouterr().err)
    assert "503" in error
    web.down = False
    del web.files["/clotho_captions_development.csv"]
    assert main(["clotho"]) == 1
    assert "404" in capsys.readouterr().err


def test_audiocaps_is_checked_by_its_rows(web, monkeypatch, tmp_path, capsys):
    header = ["audiocap_id", "youtube_id", "start_time", "caption"]
    content = table(header, ["1", "abc", "30", "rain falls"], ["2", "abc", "30", "it rains"])
    publish(web, monkeypatch, "audiocaps2-captions", {"train.csv": content}, {"train.csv": 2})
    assert main(["audiocaps2-captions", "--output", "audiocaps"]) == 0
    clips = AudioCaps("audiocaps").require("train", audio_needed=False)
    assert [clip.captions for clip in clips] == [["rain falls", "it rains"]]
    publish(web, monkeypatch, "audiocaps2-captions", {"train.csv": content}, {"train.csv": 3})
    assert main(["audiocaps2-captions", "--output", "other"]) == 1
    assert "has 2 rows, expected 3" in capsys.readouterr().err
    assert not (tmp_path / "other/train.csv").exists()


def test_esc50_is_a_bank(web, monkeypatch, tmp_path):
    meta = table(["filename", "fold", "target", "category"], ["1-1-A-0.wav", "1", "0", "dog"])
    archive = zipped(
        {
            "ESC-50-master/audio/1-1-A-0.wav": b"RIFF",
            "ESC-50-master/meta/esc50.csv": meta,
            "ESC-50-master/meta/esc50-human.xlsx": b"",
            "ESC-50-master/LICENSE": b"CC",
        }
    )
    publish(web, monkeypatch, "esc50", {"master.zip": archive}, {"master.zip": 3})
    assert main(["esc50", "--keep"]) == 0
    _, recordings = read_labels([tmp_path / "esc50"])
    assert [(recording.category, recording.path.name) for recording in recordings] == [("dog bark", "1-1-A-0.wav")]
    assert (tmp_path / "esc50/.downloads/master.zip").is_file()
    publish(web, monkeypatch, "esc50", {"master.zip": archive}, {"master.zip": 2002})
    assert main(["esc50", "--output", "other"]) == 1


def test_macs_takes_the_recordings_that_have_captions(web, monkeypatch, tmp_path):
    captions = (
        b"files:\n- filename: park-a.wav\n  annotations:\n  - {annotator_id: 1, sentence: birds sing, tags: []}\n"
    )
    name = "TAU-urban-acoustic-scenes-2019-development.audio.1.zip"
    folder = "TAU-urban-acoustic-scenes-2019-development/audio"
    archive = zipped({f"{folder}/park-a.wav": b"RIFF", f"{folder}/tram-a.wav": b"RIFF"})
    publish(web, monkeypatch, "macs", {"LICENSE.txt": b"", "MACS.yaml": captions, name: archive})
    assert main(["macs", "--only", "TAU*"]) == 1
    assert web.requests == []
    assert main(["macs"]) == 0
    assert [path.name for path in (tmp_path / "macs/audio").iterdir()] == ["park-a.wav"]
    assert [clip.captions for clip in MACS("macs").require("train")] == [["birds sing"]]


def test_a_dry_run_needs_no_network(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    for name in (*PUBLISHED, "yamnet", "corenlp", "fense"):
        assert main([name, "--dry-run", "--json"]) == 0
        captured = capsys.readouterr()
        assert "licence: " in captured.err
        files = json.loads(captured.out)["files"]
        assert files
        assert all(address.startswith("https://") for file in files for address in file["addresses"])
    assert list(tmp_path.iterdir()) == []


def test_tools_come_from_a_mirror_or_else_from_the_publisher(monkeypatch, capsys):
    asked = []

    def fetch(mirror, options):
        asked.append(mirror)
        if mirror is not None:
            raise DownloadError("404")
        return "folder"

    monkeypatch.setitem(TOOLS, "fense", dataclasses.replace(TOOLS["fense"], fetch=fetch))
    mirrors = ["--mirror", "https://a/b", "--mirror", "https://c/"]
    assert main(["fense", "--json", *mirrors]) == 0
    assert asked == ["https://a/b", "https://c/", None]
    captured = capsys.readouterr()
    assert "not from https://a/b: 404" in captured.err
    assert json.loads(captured.out)["folder"] == "folder"
    assert main(["fense", "--dry-run", "--json", *mirrors]) == 0
    for file in json.loads(capsys.readouterr().out)["files"]:
        name = file["addresses"][-1].rsplit("/", 1)[1]
        assert file["addresses"][:-1] == [f"https://a/b/{name}", f"https://c/{name}"]


def test_the_list_has_every_name(capsys):
    assert main(["--list", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"clotho", "audiocaps-captions", "esc50", "macs", "yamnet", "corenlp", "fense"} <= {
        row["name"] for row in rows
    }
    assert all(row["licence"] and row["homepage"] for row in rows)
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for row in rows:
        assert lines[lines.index(row["name"]) + 1].endswith(f"({row['size'] or 'size unknown'})")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cloto"], "unknown name cloto; did you mean clotho"),
        ([], "expected the NAME"),
        (["clotho", "--only", "*.flac"], "no file matches"),
        (["clotho", "--mirror", "ftp://x"], "expected an address"),
        (["esc50", "--mirror", "http://x"], "master.zip has no published checksum: expected a mirror https://"),
        (["fense", "--output", "x"], "--output is for datasets"),
    ],
)
def test_what_cannot_be_meant(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_missing_py7zr_is_said_before_the_download(web, monkeypatch, capsys):
    publish(web, monkeypatch, "clotho", clotho())
    monkeypatch.setitem(__import__("sys").modules, "py7zr", None)
    assert main(["clotho"]) == 1
    assert 'pip install "aac_tf[data]"' in capsys.readouterr().err
    assert web.requests == []


def test_the_catalogue_has_a_checksum_or_a_count_for_every_file():
    for name, entry in catalogue.read_catalogue().items():
        for file in entry.files:
            assert file.md5 or file.count, f"{name}: nothing tells whether {file.name} is the published one"
