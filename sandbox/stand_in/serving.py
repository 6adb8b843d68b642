"""A stand-in's HTTP side: a server for a function, on 127.0.0.1.

    def answer(method, url, headers, body) -> (status, headers, answer)

url: path and query, as asked. headers: case-insensitive. answer: None (no body), bytes or text (as they are; say their Content-Type), or JSON.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[str, str, Mapping[str, str], bytes], tuple[int, Mapping[str, str], Any]]


class Routes:
    """Which function answers what. entries: (method, regular expression of the whole path, function), the first that fits."""

    def __init__(self, *entries: tuple[str, str, Callable[..., Any]]) -> None:
        self._entries = [(method, re.compile(pattern), function) for method, pattern, function in entries]

    def find(self, method: str, path: str) -> tuple[Callable[..., Any], tuple[str, ...]] | None:
        """(function, the groups of its expression), or None when nothing answers this."""
        for its_method, pattern, function in self._entries:
            if its_method == method and (match := pattern.fullmatch(path)):
                return function, match.groups()
        return None


def serve(answer: Answer, port: int = 0) -> ThreadingHTTPServer:
    """A server that listens and does not answer yet. port 0: whichever is free; `url_of` says which."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True   # else every answer waits 40 ms for the client's acknowledgement of its head

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, said = answer(self.command, self.path, self.headers, body)  # type: ignore[arg-type]
            kind, content = _on_the_wire(said)
            self.send_response_only(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = respond

        def log_message(self, *_: Any) -> None:
            pass

        def handle(self) -> None:
            with suppress(ConnectionError):   # a client that was killed in mid-answer is no news
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    return server


def _on_the_wire(said: Any) -> tuple[str, bytes]:
    """(content type, bytes)."""
    if isinstance(said, bytes):
        return "application/octet-stream", said
    if isinstance(said, str):
        return "text/plain; charset=utf-8", said.encode()
    return "application/json; charset=utf-8", b"" if said is None else json.dumps(said, ensure_ascii=False).encode()


def url_of(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


@contextmanager
def served(answer: Answer) -> Iterator[str]:
    """The url of a server in a thread of this process, until the block ends. Where records carry the url, load them inside of the block."""
    server = serve(answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield url_of(server)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
