"""Headless Chromium for the page of `examples/web`."""

import contextlib
import functools
import http.server
import importlib.util
import pathlib
import shutil
import threading

WEB = pathlib.Path(__file__).resolve().parents[1] / "examples" / "web"
MODULES = WEB / "node_modules"


def missing():
    """What the page needs to be built and opened and is not there, as a str; empty if all is there."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed (pip install playwright)"
    if chromium() is None:
        return "no Chromium: install it (apt-get install chromium)"
    if not (MODULES / "@litertjs" / "core").is_dir():
        return f"LiteRT.js is not installed (npm ci --prefix {WEB})"
    return ""


def chromium():
    """The path of Chromium, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(folder):
    """Serves a folder on this machine; its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def opened(folder, **options):
    """Opens the page that was built into a folder; a Playwright page, and the list of its errors."""
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    with served(folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        page, errors = browser.new_page(**options), []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("response", lambda response: response.ok or errors.append(f"{response.url}: {response.status}"))
        # Everything comes from the page's own folder.
        page.on(
            "request", lambda request: request.url.startswith((address, "blob:", "data:")) or errors.append(request.url)
        )
        page.goto(address)
        try:
            yield page, errors
        finally:
            browser.close()


def wait_for(page, state, timeout=120):
    """Waits until the page is in a state, such as `done`; raises an error if it has failed."""
    page.wait_for_function(
        "wanted => [wanted, 'failed'].includes(document.documentElement.dataset.state)",
        arg=state,
        timeout=1000 * timeout,
    )
    found = page.evaluate("document.documentElement.dataset.state")
    if found != state:
        raise AssertionError(f"{found}: {page.inner_text('#status')} {page.inner_text('#error')}")


def caption(page, path, timeout=120):
    """Gives the page a sound file; its caption, its segments as `(time, caption)`, and its milliseconds."""
    page.evaluate("document.documentElement.dataset.state = 'working'")
    page.set_input_files("#file", str(path))
    wait_for(page, "done", timeout)
    rows = page.eval_on_selector_all(
        "#segments tr", "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    taken = float(page.get_attribute("#result", "data-milliseconds"))
    return page.text_content("#caption"), [tuple(row) for row in rows], taken
