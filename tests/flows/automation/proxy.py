"""A proxy before a real system that does faults to the next requests which change something, one each."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import ThreadingHTTPServer

import requests

from tests.connectors.faults import Handler, serving

# before: the system never sees the request. after: it does what was asked, and the answer is lost or turned into something else.
_BEFORE, _AFTER = ("refused", "500 before", "429 before", "reset before"), ("500 after", "reset after", "silence after")
FAULTS = (*_BEFORE, *_AFTER)
LATE = "silence, and done later"            # the request is held back, and reaches the system when it settles


class Proxy:
    """faults: of the next requests that are no GET; then all goes well again. changes: how many reached the system. silence: seconds without an answer.
    victim: the process that is killed in the next request which changes something, before the answer; 0: nobody."""

    def __init__(self, base: str, *, silence: float = 1.5) -> None:
        self.base, self.changes, self.silence, self.victim = base, 0, silence, 0
        self.faults: list[str] = []
        self.late: list[Callable[[], object]] = []
        self._busy, self._idle = 0, threading.Condition()
        outer = self

        class Between(Handler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fault, victim = outer.taken() if self.command != "GET" else ("", 0)
                headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection", "content-length")}
                asked = (self.command, self.path, body, headers)
                if fault == LATE:
                    outer.late.append(partial(outer.pass_on, *asked))
                reply = outer.pass_on(*asked) if fault not in (*_BEFORE, LATE) else None
                if victim:
                    os.kill(victim, signal.SIGKILL)
                    self.close_connection = True
                elif fault == "refused":
                    self.say(403, b'{"message": "Not today"}')
                elif fault.startswith("500"):
                    self.say(500, b"<html>Internal Server Error</html>")
                elif fault.startswith("429"):
                    self.say(429, b"{}", {"Retry-After": "7"})
                elif fault.startswith("reset"):
                    self.reset()
                elif reply is None or fault == "silence after":
                    threading.Event().wait(outer.silence)
                    self.close_connection = True
                else:
                    self.say(reply.status_code, reply.content, {"Content-Type": reply.headers.get("Content-Type", "text/html")})

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

    def taken(self) -> tuple[str, int]:
        """What becomes of this request: its fault, and who dies in it."""
        with self._idle:
            victim, self.victim = self.victim, 0
            return self.faults.pop(0) if self.faults else "", victim

    def pass_on(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> requests.Response:
        with self._idle:
            self._busy += 1
            self.changes += method != "GET"
        try:
            return requests.request(method, self.base + path, data=body or None, headers=headers, allow_redirects=False, timeout=60)
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()

    def settle(self) -> None:
        """What was sent is done now: what is under way in the system has ended, and what was held back has reached it."""
        with self._idle:
            self._idle.wait_for(lambda: not self._busy, timeout=60)
            late, self.late = self.late, []
        for request in late:
            request()


@contextmanager
def before(base: str) -> Iterator[Proxy]:
    proxy = Proxy(base)
    with serving(proxy.server):
        yield proxy
