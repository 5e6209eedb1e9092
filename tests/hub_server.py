"""A hub on this machine: serves files by path, in part where asked, and breaks off where a test wants it."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class HubServer:
    """Serves `files` by their path; after so many bytes as `breaks` says of a path it closes the connection, once; `moved` paths are redirected."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.moved: dict[str, str] = {}
        self.breaks: dict[str, int] = {}
        self.asked: list[tuple[str, str | None]] = []
        """Path and Range of each request."""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.asked.append((self.path, self.headers["Range"]))
                hub.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> HubServer:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path
        if path in self.moved:
            request.send_response(302)
            request.send_header("Location", self.moved[path])
            request.end_headers()
            return
        if path not in self.files:
            request.send_error(404)
            return
        data, asked = self.files[path], request.headers["Range"]
        at = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        request.send_response(206 if asked else 200)
        request.send_header("Content-Length", str(len(data) - at))
        if asked:
            request.send_header("Content-Range", f"bytes {at}-{len(data) - 1}/{len(data)}")
        request.end_headers()
        request.wfile.write(data[at : self.breaks.pop(path, None)])
