"""A server that misbehaves on demand. A test scripts what each next request gets and afterwards reads what was asked."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

LOGIN_PAGE = b"<!doctype html><html><head><title>Acme - Sign in</title></head><body><form><input type='password'></form></body></html>"
GATEWAY_PAGE = b"<html><head><title>Welcome to nginx</title></head><body>It works</body></html>"


@dataclass
class Fault:
    """One scripted answer. ending: 'whole', 'cut' (fewer bytes than Content-Length says), 'reset' (TCP reset in the middle of the body),
    'hang up' (closed without a byte), 'drip' (one byte at a time until the client leaves)."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    ending: str = "whole"


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def good(value: Any) -> Fault:
    return Fault(body=json.dumps(value).encode())


class Handler(BaseHTTPRequestHandler):
    """Says nothing of what it serves, bears clients that leave, and can break off."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True   # else an answer's body waits 40 ms for the acknowledgement of its head

    def reset(self) -> None:
        """A TCP reset."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *args: Any) -> None:
        pass

    def handle(self) -> None:
        with suppress(OSError, ValueError):   # the client left, or we hung up on it
            super().handle()

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class FaultServer:
    """`plan` is used up request by request; then `otherwise` answers."""

    def __init__(self) -> None:
        self.plan: list[Fault] = []
        self.otherwise: Callable[[Asked], Fault] = lambda asked: good({"fine": True})
        self.asked: list[Asked] = []
        outer = self

        class Faulty(Handler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                asked = Asked(self.command, self.path, dict(self.headers), self.rfile.read(length))
                outer.asked.append(asked)
                fault = outer.plan.pop(0) if outer.plan else outer.otherwise(asked)
                if fault.ending == "hang up":
                    self.close_connection = True
                    return
                self.send_response_only(fault.status)
                for name, value in {"Content-Type": fault.content_type, "Content-Length": str(len(fault.body)), **fault.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                half = fault.body[: len(fault.body) // 2]
                if fault.ending == "whole":
                    self.wfile.write(fault.body)
                elif fault.ending == "drip":
                    try:
                        for byte in fault.body:
                            self.wfile.write(bytes([byte]))
                            self.wfile.flush()
                    except OSError:
                        pass
                else:
                    self.wfile.write(half)
                    self.wfile.flush()
                    self.close_connection = True
                    if fault.ending == "reset":
                        self.reset()

            do_GET = do_POST = do_PUT = do_DELETE = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Faulty)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[FaultServer]:
        with serving(self.server):
            yield self


@pytest.fixture
def faults() -> Iterator[FaultServer]:
    with FaultServer().running() as server:
        yield server
