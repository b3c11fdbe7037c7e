"""A web server and a stand-in for the Hugging Face hub on this machine."""

import contextlib
import hashlib
import http.server
import json
import threading


class Web:
    """Files that a local web server serves, as {path: bytes}.

    Attributes:
        address: str, `http://127.0.0.1:PORT`.
        files: dict to fill.
        requests: list of (method, path, Range header) that came.
        cut: number of answers that still break off after half of the file.
        ranges: whether the server continues a broken download.
        down: whether the server answers that it is not available.
    """

    def __init__(self):
        self.files, self.requests, self.cut, self.ranges, self.down = {}, [], 0, True, False


@contextlib.contextmanager
def serve():
    """Runs a `Web` while the context is active."""
    web = Web()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(body=False)

        def do_GET(self):
            self.answer(body=True)

        def answer(self, body):
            path, wanted = self.path.partition("?")[0], self.headers.get("Range")
            web.requests.append((self.command, path, wanted))
            if path not in web.files or web.down:
                self.send_response(503 if web.down else 404)
                if path.startswith("/api/") and not web.down:
                    self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            content = web.files[path]
            tag = f'"{hashlib.sha1(content).hexdigest()}"'
            same = self.headers.get("If-Range", tag) == tag
            start = int(wanted[6:-1]) if wanted and web.ranges and same else 0
            if start and start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.send_header("ETag", tag)
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if not body:
                return
            if web.cut and len(content) > 1000:
                web.cut -= 1
                self.wfile.write(content[start : start + len(content) // 2])
                self.close_connection = True
            else:
                self.wfile.write(content[start:])

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        web.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()
            thread.join()


COMMIT = "0123456789012345678901234567890123456789"


def put_on_hub(web, repository, files):
    """Adds a model to the hub: its description, and its files, {name: bytes}."""
    siblings = [{"rfilename": name, "size": len(content)} for name, content in files.items()]
    about = {"id": repository, "modelId": repository, "sha": COMMIT, "siblings": siblings, "tags": [], "private": False}
    for revision in ("main", COMMIT):
        web.files[f"/api/models/{repository}/revision/{revision}"] = json.dumps(about).encode()
        for name, content in files.items():
            web.files[f"/{repository}/resolve/{revision}/{name}"] = content
    web.files[f"/api/models/{repository}"] = json.dumps(about).encode()
