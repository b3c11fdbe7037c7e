"""Serving the page, to this machine alone unless the user decides otherwise."""

import contextlib
import errno
import os
import socket
import tempfile
import warnings

FIRST_PORT, PORTS = 7860, 100
# Browsers load and send nothing from and to other hosts, whatever gradio's pages ask for.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; form-action 'self'; frame-ancestors 'self'"
)


def find_port(host, port=None):
    """Finds a port to listen on.

    Args:
        host: str, name or address of this machine.
        port: int; None takes the first free one from `FIRST_PORT` on.

    Returns:
        int.

    Raises:
        ValueError: if the port cannot be used, or the host is not this machine.
    """
    for candidate in range(FIRST_PORT, FIRST_PORT + PORTS) if port is None else (port,):
        try:
            with socket.create_server((host, candidate)):
                return candidate
        except OSError as error:
            # `create_server` raises a plain OSError for a name that cannot be resolved, with the number of a gaierror.
            unknown = {getattr(socket, name) for name in dir(socket) if name.startswith("EAI_")}
            if error.errno in {errno.EADDRNOTAVAIL, *unknown}:
                raise ValueError(f"--host {host} is no address of this machine") from error
            reason = os.strerror(error.errno)
    tried = f"the ports {FIRST_PORT} to {FIRST_PORT + PORTS - 1}" if port is None else f"port {port}"
    raise ValueError(f"cannot listen on {tried} of {host} ({reason}): choose another one with --port")


@contextlib.contextmanager
def private_folder():
    """A temporary folder for everything that the page stores, deleted at the end; gradio is imported within it only."""
    with tempfile.TemporaryDirectory(prefix="aac-demo-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        yield folder


def serve(page, folder, host, port, max_bytes, share=False):
    """Starts to serve the page.

    Args:
        page: `gradio.Blocks`.
        folder: path of the folder whose files browsers may load.
        host: str, address to listen on.
        port: int.
        max_bytes: int, largest file that browsers may send.
        share: bool, whether to ask gradio for a public address that leads here.

    Returns:
        (address on this machine, public address or None).
    """
    import gradio as gr
    from starlette.middleware import Middleware

    from aac_tf.page.layout import STYLE

    # Who runs the command cannot change which deprecated functions gradio calls.
    warnings.filterwarnings("ignore", module=r"gradio\.")
    _leave_out_proxies(host)
    sans, mono = ["ui-sans-serif", "system-ui", "sans-serif"], ["ui-monospace", "monospace"]
    theme = gr.themes.Base(primary_hue="indigo", neutral_hue="zinc", font=sans, font_mono=mono)
    theme.set(body_text_color_subdued="*neutral_500")  # gradio's own has too little contrast
    _, local, public = page.queue(max_size=64).launch(
        server_name=host,
        server_port=port,
        share=share,
        max_file_size=max_bytes,
        allowed_paths=[folder],
        app_kwargs={"middleware": [Middleware(_Policy)], "docs_url": None, "redoc_url": None, "openapi_url": None},
        theme=theme,
        css=STYLE,
        footer_links=[],
        prevent_thread_lock=True,
        show_error=True,
        quiet=True,
        ssr_mode=False,
        enable_monitoring=False,
        _frontend=False,  # no check, for which a busy machine has three seconds
    )
    return local, public


def _leave_out_proxies(host):
    """Bypasses proxies for this machine, since gradio requests its own page when it starts."""
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    hosts = ",".join(filter(None, [given, "localhost", "127.0.0.1", host]))
    os.environ.update(no_proxy=hosts, NO_PROXY=hosts)


class _Policy:
    """Adds the policy to all responses; an ASGI middleware."""

    def __init__(self, app):
        self._app = app

    async def __call__(self, scope, receive, send):
        async def send_with_policy(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", _POLICY.encode())]
            await send(message)

        await self._app(scope, receive, send_with_policy)
