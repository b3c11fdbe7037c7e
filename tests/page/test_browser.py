"""The page in headless Chromium: `apt-get install chromium`, or any Chrome on the PATH."""

import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request

import numpy as np
import pytest
import soundfile

from aac_tf.inference.heard import HeardSound
from aac_tf.inference.timeline import Segment

pytestmark = pytest.mark.slow

gr = pytest.importorskip("gradio", reason='gradio is not installed: pip install "aac_tf[test]"')
sync_api = pytest.importorskip("playwright.sync_api", reason='playwright is not installed: pip install "aac_tf[test]"')

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason=f"no Chromium: apt-get install chromium (looked for {', '.join(NAMES)} on the PATH)"
)
MAX_BYTES = 2_000_000
FAKE_MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
PLAYER = "(() => { const audio = document.querySelector('audio'); return [audio.paused, audio.currentTime]; })()"


# A shell that runs the tests in the background lets its processes ignore Ctrl-C.
COMMAND = """
import signal, sys
from aac_tf.cli.demo import main
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main(sys.argv[1:]))
"""


def chirp(seconds, start, rate=22050):
    time = np.arange(int(seconds * rate)) / rate
    return 0.3 * np.sin(2 * np.pi * (start + 200 * time) * time)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Folder with two sounds and two files that are none."""
    folder = tmp_path_factory.mktemp("sounds")
    soundfile.write(folder / "dög 1.wav", chirp(4, 300), 22050)
    soundfile.write(folder / "cat.caf", chirp(3, 900), 22050, format="CAF")  # browsers do not know the format
    (folder / "page.wav").write_text("<!DOCTYPE html><html></html>")
    (folder / "large.wav").write_bytes(bytes(3 << 20))
    return folder


@pytest.fixture(scope="module")
def address(one_captioner, one_run, sounds):
    """Address of a page that is being served."""
    from aac_tf.page.serve import find_port, private_folder, serve

    with private_folder() as folder:
        from aac_tf.page.layout import build_page

        examples = {"A dog": str(sounds / "dög 1.wav")}
        page = build_page(one_captioner, "small", one_run.folder, examples, folder, max_seconds=60, max_bytes=MAX_BYTES)
        local, public = serve(page, folder, "127.0.0.1", find_port("127.0.0.1"), MAX_BYTES)
        assert public is None
        yield local
        page.close(verbose=False)


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *FAKE_MICROPHONE])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, address):
    """A function that opens the page, and fails the test if the page has errors or asks other hosts for anything."""
    contexts, faults = [], []

    def open_page(width=1280, height=900, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: faults.extend(foreign(request.url)))
        page.goto(address)
        page.get_by_role("button", name="A dog").wait_for()
        return page

    def foreign(url):
        return [url] if url.startswith(("http", "ws")) and not url.startswith(address) else []

    yield open_page
    for context in contexts:
        context.close()
    assert not faults


def upload(page, path):
    page.locator("input[type=file]").set_input_files(path)


def drop(page, path):
    """Drops a file as the mouse does."""
    contents = list(path.read_bytes())
    transfer = page.evaluate_handle(
        """([contents, name]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(contents)], name));
            return transfer;
        }""",
        [contents, path.name],
    )
    page.locator("button[aria-dropeffect=copy]").dispatch_event("drop", {"dataTransfer": transfer})


def shown_caption(page, name):
    """The caption, once that of the sound of this name is shown."""
    page.locator(".aac-file", has_text=name).wait_for()
    return page.locator(".aac-caption").inner_text().strip()


@needs_chromium
def test_a_dropped_file_gets_its_caption(visit, sounds, one_captioner):
    page = visit()
    drop(page, sounds / "dög 1.wav")
    (caption,) = one_captioner.caption([sounds / "dög 1.wav"])
    assert shown_caption(page, "dög 1.wav · 4.0 s") == caption.text
    assert page.locator(".aac-others li").count() == 1 + len(caption.alternatives)


@needs_chromium
def test_formats_that_browsers_do_not_know_are_captioned_and_played(visit, sounds, one_captioner):
    page = visit()
    upload(page, sounds / "cat.caf")
    assert shown_caption(page, "cat.caf") == one_captioner.caption([sounds / "cat.caf"])[0].text
    page.get_by_role("button", name="Play", exact=True).click()
    page.get_by_role("button", name="Pause").wait_for()
    page.wait_for_function(f"{PLAYER}[1] > 0.1")


@needs_chromium
def test_a_word_lights_up_its_attention_and_plays_from_there(visit, sounds, one_captioner):
    page = visit()
    upload(page, sounds / "dög 1.wav")
    shown_caption(page, "dög")
    (caption,) = one_captioner.caption([sounds / "dög 1.wav"])
    last = max(range(len(caption.words)), key=lambda index: caption.words[index].interval[0])
    word = page.locator(".aac-word").nth(last)
    picture = "document.querySelector('.aac-spectrogram canvas').toDataURL()"
    before = page.evaluate(picture)
    word.hover()
    assert page.evaluate(picture) != before
    word.click()
    page.wait_for_function(f"!{PLAYER}[0]")
    assert page.evaluate(PLAYER)[1] >= caption.words[last].interval[0]
    page.mouse.move(0, 0)
    page.locator(".aac-file").click()
    page.evaluate("document.activeElement.blur()")
    assert page.evaluate(picture) == before


@needs_chromium
def test_words_can_be_used_with_the_keyboard(visit, sounds):
    page = visit()
    upload(page, sounds / "dög 1.wav")
    shown_caption(page, "dög")
    page.locator(".aac-word").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(f"!{PLAYER}[0]")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") in ("aac-word", "aac-play")


@needs_chromium
def test_the_edited_timeline_is_downloaded(visit, sounds):
    page = visit()
    upload(page, sounds / "dög 1.wav")
    shown_caption(page, "dög")
    page.get_by_label("Caption of row 1").fill("my own words")
    assert "my own words" in page.locator(".aac-rows").inner_text()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as SRT").click()
    assert download.value.suggested_filename == "dög 1.srt"
    text = pathlib.Path(download.value.path()).read_text(encoding="utf-8")
    assert re.match(r"1\n00:00:00,000 --> 00:00:\d\d,\d{3}\nmy own words\n", text)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as JSON").click()
    assert json.loads(pathlib.Path(download.value.path()).read_text(encoding="utf-8"))["file"] == "dög 1.wav"


@needs_chromium
def test_it_says_what_is_being_done(visit, sounds, monkeypatch):
    waits, caption = threading.Event(), HeardSound.caption

    def slow_caption(heard):
        assert waits.wait(60)
        return caption(heard)

    monkeypatch.setattr(HeardSound, "caption", slow_caption)
    page = visit()
    upload(page, sounds / "dög 1.wav")
    try:
        page.get_by_text("Captioning the sound").first.wait_for()
    finally:
        waits.set()
    shown_caption(page, "dög")
    assert not page.get_by_text("Captioning the sound").first.is_visible()


@needs_chromium
@pytest.mark.parametrize("width", [390, 1280])
def test_a_timeline_of_many_rows_stays_in_its_box(visit, sounds, monkeypatch, width):
    segments = [Segment(0.02 * row, 0.02 * (row + 1), f"sound {row}") for row in range(200)]
    monkeypatch.setattr(HeardSound, "timeline", lambda heard, progress: segments)
    page = visit(width)
    upload(page, sounds / "dög 1.wav")
    shown_caption(page, "dög")
    assert page.locator(".aac-timeline tbody tr").count() == 200
    assert page.locator(".aac-scroll").bounding_box()["height"] <= 0.8 * 900
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Blocks without room show no broken letters.
    assert page.locator(".aac-rows").inner_text().strip() == ""
    # The box follows what is played.
    page.locator(".aac-seek").evaluate("slider => { slider.value = 3; slider.dispatchEvent(new Event('input')); }")
    row = page.locator("tr.aac-now")
    assert row.locator("input").nth(2).input_value() == "sound 150"
    box, inner = page.locator(".aac-scroll").bounding_box(), row.bounding_box()
    assert box["y"] < inner["y"] < box["y"] + box["height"]


@needs_chromium
def test_an_impossible_time_is_refused(visit, sounds):
    page = visit()
    upload(page, sounds / "dög 1.wav")
    shown_caption(page, "dög")
    page.get_by_label("End of row 1 in seconds").fill("-3")
    page.get_by_role("button", name="Download as TSV").click()
    fault = page.locator(".aac-fault", has_text="row 1 of the timeline: expected a begin of at least 0 s")
    fault.wait_for()


@needs_chromium
def test_a_row_plays_until_its_end(visit, sounds):
    page = visit()
    upload(page, sounds / "dög 1.wav")
    shown_caption(page, "dög")
    page.get_by_label("End of row 1 in seconds").fill("0.5")
    page.get_by_role("button", name="Play row 1").click()
    page.wait_for_function(f"{PLAYER}[1] >= 0.5 && {PLAYER}[0]")
    assert page.evaluate(PLAYER)[1] < 1.5


@needs_chromium
def test_a_bad_file_gets_the_words_of_the_command(visit, sounds, one_captioner):
    page = visit()
    page.get_by_role("button", name="A dog").click()
    shown_caption(page, "A dog")
    drop(page, sounds / "page.wav")
    (error,) = one_captioner.caption_each([sounds / "page.wav"])
    alert = page.locator(".aac-error", has_text=f"page.wav: {error.reason}")
    alert.wait_for()
    assert not page.locator(".aac-result").is_visible()
    page.get_by_role("button", name="A dog").click()
    shown_caption(page, "A dog")
    assert not page.locator(".aac-error").is_visible()


@needs_chromium
def test_files_beyond_the_limit_are_refused(visit, sounds):
    page = visit()
    page.get_by_text("Sound file, up to 1 min and 2 MB").wait_for()
    upload(page, sounds / "large.wav")
    page.get_by_text("exceed the maximum allowed size").first.wait_for()


@needs_chromium
def test_a_recording_is_captioned(visit):
    page = visit(permissions=["microphone"])
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(2000)
    page.get_by_role("button", name="Stop", exact=True).click()
    assert shown_caption(page, "Recording")


@needs_chromium
def test_users_at_the_same_time_see_their_own_sounds(visit, sounds, one_captioner):
    pages = [visit() for _ in range(3)]
    names = ["dög 1.wav", "cat.caf", "page.wav"]
    for page, name in zip(pages, names):
        upload(page, sounds / name)
    expected = [one_captioner.caption([sounds / name])[0].text for name in names[:2]]
    assert [shown_caption(page, name) for page, name in zip(pages, names[:2])] == expected
    pages[2].locator(".aac-error", has_text="page.wav").wait_for()


@needs_chromium
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everyone_can_use_it(visit, sounds, one_captioner, monkeypatch, width, scheme):
    """Labels, contrast and keyboard by the rules of axe-core, and no scrolling to the side."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    monkeypatch.setattr(one_captioner, "search", one_captioner.search_for(3))
    page = visit(width, color_scheme=scheme)
    assert axe.run(page).violations_count == 0, axe.run(page).generate_report()
    upload(page, sounds / "dög 1.wav")
    shown_caption(page, "dög")
    page.locator(".aac-others li").nth(1).wait_for()
    page.locator(".aac-word").first.hover()
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_the_command_serves_until_it_is_stopped_and_leaves_no_files(one_run, tmp_path, number, code):
    command = [sys.executable, "-c", COMMAND, "--run", str(one_run.folder), "--no-browser", "--json"]
    environment = {
        "TMPDIR": str(tmp_path),
        "PYTHONPATH": ":".join(filter(None, sys.path)),
        "PATH": "/usr/bin:/bin",
        "HTTP_PROXY": "http://127.0.0.1:9",  # which does not exist: the page is reached without it
    }
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, env=environment, **pipes)
    try:
        addresses = json.loads(process.stdout.readline() or process.communicate()[1])
        assert addresses["public_address"] is None
        assert addresses["address"].startswith("http://127.0.0.1:")
        assert any(path.name.startswith("aac-demo-") for path in tmp_path.iterdir())
        with urllib.request.urlopen(addresses["address"]) as response:
            assert "connect-src 'self'" in response.headers["Content-Security-Policy"]
            assert "Audio captioning with aac_tf" in response.read().decode()
        process.send_signal(number)
        _, messages = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == code, messages
    assert not any(path.name.startswith("aac-demo-") for path in tmp_path.iterdir())
