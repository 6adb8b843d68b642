"""The bad line between a connector and its source: a proxy that passes requests on and spoils some of the answers.

All reading of a history goes through one proxy, spoiled or not. It puts its own address in the place of the stand-in's in every answer, so page links
lead back to it; `suite.py` expects the same of the truth.
"""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from tests.connectors.faults import LOGIN_PAGE, Asked, Fault, FaultServer

HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "date", "server", "content-type"}
FAULTS: Mapping[str, Fault | None] = {
    "429": Fault(status=429, body=b'{"message": "too many"}'),
    "429 for a second": Fault(status=429, body=b"{}", headers={"Retry-After": "1"}),
    "429 until a date": Fault(status=429, body=b"", headers={"Retry-After": "Sun, 01 Nov 2026 02:31:00 GMT", "Date": "Sun, 01 Nov 2026 02:30:00 GMT"}),
    "500": Fault(status=500, body=b'{"error": "internal"}'),
    "502": Fault(status=502, body=b"<html><title>502 Bad Gateway</title></html>", content_type="text/html"),
    "503": Fault(status=503, body=b"", headers={"Retry-After": "2"}),
    "token expired": Fault(status=401, body=b'{"error": "invalid_token", "message": "Session expired or invalid"}'),
    "login page": Fault(body=LOGIN_PAGE, content_type="text/html"),
    "not JSON": Fault(body=b"upstream request timeout", content_type="text/plain"),
    "empty object": Fault(body=b"{}"),
    "reset": None, "cut": None, "half": None, "hang up": None, "stall": None,     # of the real answer
    "same page again": None,       # for as long as nobody complains: the answer of the page before, to whoever asks for the one behind it
}
SIZE = re.compile(r"(limit|limit_page_length|per_page|page_size|first)[\"=:\s]+\d+")          # how much is asked for says nothing of where it goes on
MENDED_BY_ITSELF = ("429", "429 for a second", "429 until a date", "500", "502", "503", "reset", "cut", "half", "hang up", "not JSON")


class Proxy:
    """plan: number of a request from now on (0: the next) -> name of its fault. `met` counts what was really spoiled."""

    def __init__(self, server: FaultServer, upstream: str) -> None:
        self.url, self._upstream, self._server = server.url, upstream, server
        self.plan: dict[int, str] = {}
        self.met: list[str] = []
        self.seconds = 1.0             # of a stall
        self._count = 0
        self._before: dict[str, tuple[Asked, Fault]] = {}      # path -> last good exchange
        self._stuck = False
        server.otherwise = self._answer

    def spoil(self, plan: Mapping[int, str]) -> None:
        """From a new night on. What last night saw is no page before tonight's first, although that one may ask from the last stamp that it saw."""
        self._count, self.plan = 0, dict(plan)
        self._before.clear()
        self.mend()

    def mend(self) -> None:
        """Someone complained: no page comes again. What is planned for later requests stays."""
        self._stuck = False

    def _answer(self, asked: Asked) -> Fault:
        name = self.plan.pop(self._count, None)
        self._count += 1
        path = urlsplit(asked.path).path
        if name == "same page again":
            self._stuck = True
        if self._stuck and path in self._before and _goes_on_behind(asked, *self._before[path]):
            self.met.append("same page again")
            return self._before[path][1]
        spoiled = FAULTS.get(name or "")
        if spoiled is not None:
            self.met.append(str(name))
            return spoiled
        answer = self._forward(asked)
        self._before[path] = (asked, answer)
        if name is None or name == "same page again":
            return answer
        self.met.append(name)
        if name == "half":
            return replace(answer, body=answer.body[:len(answer.body) // 2])
        if name == "stall":
            time.sleep(self.seconds)
            return answer
        return replace(answer, ending=name)

    def _forward(self, asked: Asked) -> Fault:
        """The real answer. A connection each: whoever was killed in mid-answer leaves none behind."""
        upstream = urlsplit(self._upstream)
        connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port, timeout=30)
        try:
            headers = {name: value.replace(self.url, self._upstream) for name, value in asked.headers.items()
                       if name.lower() not in ("host", "accept-encoding", "connection")}
            connection.request(asked.method, asked.path, body=asked.body.replace(self.url.encode(), self._upstream.encode()) or None, headers=headers)
            answer = connection.getresponse()
            body = answer.read().replace(self._upstream.encode(), self.url.encode())
        finally:
            connection.close()
        kept = {name: value.replace(self._upstream, self.url) for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
        return Fault(status=answer.status, body=body, headers=kept, content_type=answer.headers.get("Content-Type", "application/octet-stream"))


def _goes_on_behind(asked: Asked, before: Asked, answer: Fault) -> bool:
    """Whether a request asks for the page behind an answer: something in it is new, and stands in that answer (a cursor, a last id, a link).

    Other headers count what is left of a quota, and any page has such a number. Whoever walks back to page 1 asks for no page behind.
    """
    said = _unescaped(" ".join([answer.body.decode("utf-8", "replace"), *(value for name, value in answer.headers.items() if name.lower() == "link")]))
    # Whole, or what asks for anything at half past would be the page behind every record with a 30 in it.
    values = {value.strip(":") for value in re.split(r"[\s&=?\"',{}\[\]()<>]+", said)}
    known = set(_words(before))
    return any(word in values for word in _words(asked) if word not in known)


def _words(asked: Asked) -> list[str]:
    texts = [unquote(urlsplit(asked.path).query.replace("+", " ")), unquote(asked.body.decode("utf-8", "replace"))]
    return [word for text in texts for word in re.split(r"[\s&=?\"',:{}\[\]()<>]+", SIZE.sub("", _unescaped(text))) if word]


def _unescaped(text: str) -> str:
    """JSON's escapes opened, so that a cursor looks the same wherever it stands."""
    return re.sub(r'\\(["\\/])', r"\1", text)


@contextmanager
def between(upstream: str) -> Iterator[Proxy]:
    """A proxy in front of a stand-in's address, until the block ends."""
    with FaultServer().running() as server:
        yield Proxy(server, upstream)


def seen_through(proxy: Proxy | None, upstream: str, record: object) -> object:
    """A record of the truth as it looks through the proxy."""
    text = json.dumps(record)
    return json.loads(text.replace(upstream, proxy.url) if proxy else text)
