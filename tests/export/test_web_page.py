"""The page of `examples/web`: built, and opened in headless Chromium with a captioner of random weights."""

import runpy

import numpy as np
import pytest
import soundfile
import web_page

from aac_tf.export.lite import export_lite

SECONDS = 2.0
BUILD = runpy.run_path(str(web_page.WEB / "build_page.py"))


def test_build_says_what_is_missing(tmp_path, capsys):
    output = ["--output", str(tmp_path / "page")]
    assert BUILD["main"](["--model", str(tmp_path / "none.tflite"), *output]) == 2
    assert "none.tflite does not exist: export it" in capsys.readouterr().err
    (tmp_path / "other.tflite").write_bytes(b"TFL3")
    assert BUILD["main"](["--model", str(tmp_path / "other.tflite"), *output]) == 2
    assert "is not a model of aac-export-tflite" in capsys.readouterr().err
    assert not (tmp_path / "page").exists()


@pytest.fixture(scope="module")
def site(one_captioner, tmp_path_factory):
    """Folder of the page with a small model."""
    if web_page.missing():
        pytest.skip(web_page.missing())
    folder = tmp_path_factory.mktemp("web")
    export_lite(one_captioner, folder / "model.tflite", quantize=False, seconds=SECONDS)
    assert BUILD["main"](["--model", str(folder / "model.tflite"), "--output", str(folder / "page")]) == 0
    return folder / "page"


def sound(seconds, rate, seed):
    """A whistle in noise, float32 `[samples]`."""
    rng, count = np.random.default_rng(seed), round(seconds * rate)
    whistle = np.sin(2 * np.pi * rng.uniform(300, 3000) * np.arange(count) / rate)
    return (0.3 * whistle + 0.05 * rng.normal(size=count)).astype(np.float32)


@pytest.mark.slow
def test_page_captions_files(one_captioner, site, tmp_path):
    rate = one_captioner.spec.sample_rate
    with web_page.opened(site, viewport={"width": 390, "height": 844}, accept_downloads=True) as (page, errors):
        web_page.wait_for(page, "ready")
        for seed, seconds in enumerate([0.7, 2.0]):
            path = tmp_path / f"{seed}.wav"
            soundfile.write(path, sound(seconds, rate, seed), rate, "FLOAT")
            (expected,) = one_captioner.caption([path], beam_size=1)
            text, segments, _ = web_page.caption(page, path)
            assert text == expected.text
            assert [caption for _, caption in segments] == [expected.text]

        # Longer than the model: windows, of which equal neighbours are merged, and silence is a segment.
        parts = [sound(2.0, rate, 0), sound(2.0, rate, 0), np.zeros(2 * rate, np.float32), sound(1.5, rate, 3)]
        soundfile.write(tmp_path / "long.wav", np.concatenate(parts), rate, "FLOAT")
        heard = [np.concatenate(parts)[: 2 * rate], np.concatenate(parts)[-2 * rate :]]
        first, last = (caption.text for caption in one_captioner.caption(heard, beam_size=1))
        _, segments, _ = web_page.caption(page, tmp_path / "long.wav")
        times = [time.replace("\N{EN DASH}", "-") for time, _ in segments]
        assert times == ["0:00 - 0:04", "0:04 - 0:06", "0:06 - 0:07"]
        assert [caption for _, caption in segments] == [first, "silence", last]
        with page.expect_download() as download:
            page.click("#srt")
        assert download.value.suggested_filename == "long.srt"
        assert download.value.path().read_text() == (
            f"1\n00:00:00,000 --> 00:00:04,000\n{first}\n\n2\n00:00:06,000 --> 00:00:07,500\n{last}\n"
        )
        # A phone shows all of it.
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert errors == []


@pytest.mark.slow
def test_page_reports_what_it_cannot_read_and_listens(site, tmp_path):
    (tmp_path / "notes.txt").write_text("no sound")
    with web_page.opened(site) as (page, errors):
        web_page.wait_for(page, "ready")
        page.set_input_files("#file", str(tmp_path / "notes.txt"))
        page.wait_for_selector("#error:not([hidden])")
        assert "notes.txt is not a sound that this browser can decode" in page.inner_text("#error")
        # Chromium's fake microphone beeps.
        page.click("#microphone")
        page.wait_for_selector("#segments tr", timeout=60000)
        assert page.inner_text("#caption")
        page.click("#microphone")
        web_page.wait_for(page, "done")
        assert page.get_attribute("#microphone", "aria-pressed") == "false"
        unnamed = page.eval_on_selector_all(
            "button, input, select, canvas, audio, progress",
            "all => all.filter(one => !(one.ariaLabel || one.textContent || one.labels?.length)).length",
        )
        assert unnamed == 0
        assert errors == []
