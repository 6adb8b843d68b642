"""A proxy before a real system that does one fault at a time to the next request which changes something."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer

import requests

from tests.connectors.faults import Handler, serving

# before: the system never sees the request. after: it does what was asked, and the answer is lost or turned into something else.
FAULTS = ("refused", "500 before", "429 before", "reset before", "500 after", "reset after", "silence after")


class Proxy:
    """`next` is the fault of the next request that is no GET; then all goes well again. `changes`: how many reached the system."""

    def __init__(self, base: str, *, silence: float = 1.5) -> None:
        self.base, self.next, self.changes, self.silence = base, "", 0, silence
        outer = self

        class Between(Handler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fault, outer.next = (outer.next, "") if self.command != "GET" else ("", outer.next)
                if fault == "refused":
                    return self.say(403, b'{"message": "Not today"}')
                if fault == "500 before":
                    return self.say(500, b"<html>Internal Server Error</html>")
                if fault == "429 before":
                    return self.say(429, b"{}", {"Retry-After": "7"})
                if fault == "reset before":
                    return self.reset()
                if self.command != "GET":
                    outer.changes += 1
                headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection", "content-length")}
                reply = requests.request(self.command, outer.base + self.path, data=body or None, headers=headers, allow_redirects=False, timeout=60)
                if fault == "500 after":
                    return self.say(500, b"<html>Internal Server Error</html>")
                if fault == "reset after":
                    return self.reset()
                if fault == "silence after":
                    threading.Event().wait(outer.silence)
                    self.close_connection = True
                    return None
                return self.say(reply.status_code, reply.content, {"Content-Type": reply.headers.get("Content-Type", "text/html")})

            def say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
                self.send_response_only(status)
                for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Between)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def before(base: str) -> Iterator[Proxy]:
    proxy = Proxy(base)
    with serving(proxy.server):
        yield proxy
