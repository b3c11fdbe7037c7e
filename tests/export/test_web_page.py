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
def test_page_refuses_what_is_too_long_or_empty(site, tmp_path):
    long = np.full(3601 * 8000, 0.1, np.float32)
    soundfile.write(tmp_path / "long.wav", long, 8000, "PCM_U8")
    soundfile.write(tmp_path / "empty.wav", long[:0], 8000)
    (tmp_path / "nothing.mp3").write_bytes(b"")
    with web_page.opened(site) as (page, errors):
        web_page.wait_for(page, "ready")
        assert refusal(page, tmp_path / "long.wav") == (
            "long.wav is 1:00:01 long. This page takes recordings of up to 1:00:00."
        )
        for name in ("empty.wav", "nothing.mp3"):
            assert refusal(page, tmp_path / name).startswith(f"{name} ")
        assert errors == []


def refusal(page, path):
    """What the page says of a file that it refuses."""
    page.evaluate("document.documentElement.dataset.state = 'chosen'")
    page.set_input_files("#file", str(path))
    page.wait_for_selector("html[data-state=failed]", timeout=120000)
    return page.inner_text("#error")


@pytest.mark.slow
def test_page_takes_files_beside_the_field_and_keeps_the_focus(one_captioner, site, tmp_path):
    rate = one_captioner.spec.sample_rate
    soundfile.write(tmp_path / "long.wav", np.concatenate([sound(2.0, rate, seed) for seed in range(3)]), rate)
    with web_page.opened(site) as (page, errors):
        web_page.wait_for(page, "ready")
        taken = page.evaluate_handle(
            """([contents, name]) => {
                const transfer = new DataTransfer();
                transfer.items.add(new File([new Uint8Array(contents)], name));
                return transfer;
            }""",
            [list((tmp_path / "long.wav").read_bytes()), "long.wav"],
        )
        page.evaluate("document.documentElement.dataset.state = 'chosen'")
        page.dispatch_event("footer", "drop", {"dataTransfer": taken})
        web_page.wait_for(page, "done")
        assert page.locator("#segments tr").count() > 1
        # Rows are not made anew while others follow.
        page.evaluate("document.documentElement.dataset.state = 'chosen'")
        page.select_option("#window", index=1)
        page.locator("#segments button").first.focus()
        web_page.wait_for(page, "done")
        assert page.evaluate("document.activeElement === document.querySelector('#segments button')")
        assert errors == []


SLOW_MICROPHONE = """() => {
    const media = navigator.mediaDevices;
    const ask = media.getUserMedia.bind(media);
    window.streams = [];
    media.getUserMedia = async (wanted) => {
        await new Promise((resolve) => (window.permit = resolve));
        window.streams.push(await ask(wanted));
        return window.streams.at(-1);
    };
}"""


@pytest.mark.slow
def test_page_closes_the_microphone_when_a_file_is_chosen_first(one_captioner, site, tmp_path):
    rate = one_captioner.spec.sample_rate
    soundfile.write(tmp_path / "dog.wav", sound(1.5, rate, 0), rate)
    with web_page.opened(site) as (page, errors):
        web_page.wait_for(page, "ready")
        page.evaluate(SLOW_MICROPHONE)
        page.click("#microphone")
        page.get_by_text("Waiting for the microphone").wait_for()
        text, _, _ = web_page.caption(page, tmp_path / "dog.wav")
        page.evaluate("window.permit()")
        page.wait_for_function(
            "window.streams.length && window.streams[0].getTracks().every((track) => track.readyState === 'ended')"
        )
        assert page.get_attribute("#microphone", "aria-pressed") == "false"
        assert page.text_content("#caption") == text
        assert errors == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everyone_can_use_it(one_captioner, site, tmp_path, width, scheme):
    """Labels, contrast and structure by the rules of axe-core, and no scrolling to the side."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    rate = one_captioner.spec.sample_rate
    soundfile.write(tmp_path / "long.wav", np.concatenate([sound(2.0, rate, seed) for seed in range(2)]), rate)
    (tmp_path / "notes.txt").write_text("no sound")
    with web_page.opened(site, viewport={"width": width, "height": 844}, color_scheme=scheme) as (page, errors):
        for show in (
            lambda: web_page.wait_for(page, "ready"),
            lambda: web_page.caption(page, tmp_path / "long.wav"),
            lambda: refusal(page, tmp_path / "notes.txt"),
        ):
            show()
            found = axe.run(page)
            assert found.violations_count == 0, found.generate_report()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
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
