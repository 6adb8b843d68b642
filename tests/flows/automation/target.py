"""A real HTTP target, one of each class, that can be told to misbehave as real ones do; and the actions that act there.

    A  PUT /a/<subject>     sets a state: {"value": ...}
    B  POST /b/<subject>    adds an entry that carries a marker; GET finds the entries of a marker
    C  POST /c/<subject>    adds an entry that carries nothing of ours; GET tells how many there are
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from flows.automation.contract import Action, Kind, Refused, State, Unanswered, Unavailable, Undo, Unrecognized

SETTLES = timedelta(minutes=2)
FAULTS = ("ok", "refuses", "times out, and does it later", "times out behind it", "500 before it", "500 behind it", "resets behind it", "429")
PATIENCE = 0.5                          # seconds until a client of the tests gives up


class Target(ThreadingHTTPServer):
    """values: of A. entries: of B and C, (subject, marker). acts: requests that changed something, or were to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.values: dict[str, str] = {}
        self.entries: list[tuple[str, str]] = []
        self.effects: dict[str, list[str]] = {}         # subject -> what was done to it: a state set to what it is already is nothing done
        self.late: list[Callable[[], None]] = []        # what a slow target will have done once it has settled
        self.faults: list[str] = []                     # of the next requests that change something; then ok
        self.victim = 0                                 # the process that dies in the next request which changes something, before the answer
        self.gone = ""                                  # what this target answers to everything
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def settle(self) -> None:
        with self.lock:
            late, self.late = self.late, []
        for effect in late:
            effect()

    def set(self, subject: str, value: str) -> None:
        if self.values.get(subject) != value:
            self.values[subject] = value
            self.effects.setdefault(subject, []).append(value)

    def enter(self, subject: str, marker: str) -> None:
        self.entries.append((subject, marker))
        self.effects.setdefault(subject, []).append(marker or "entry")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    server: Target
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def answer(self, status: int, body: Any = None, **headers: str) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self) -> None:
        kind, subject = self.path.strip("/").split("/")
        if self.server.gone:
            self.answer(200 if self.server.gone == "changed" else 503, {"surprise": True})
        elif kind == "a":
            self.answer(200, {"value": self.server.values.get(subject)})
        else:
            self.answer(200, {"entries": [marker for of, marker in self.server.entries if of == subject]})

    def do_PUT(self) -> None:
        self.change(lambda subject, given: self.server.set(subject, given["value"]))

    def do_POST(self) -> None:
        self.change(lambda subject, given: self.server.enter(subject, given.get("marker", "")))

    def change(self, effect: Callable[[str, Mapping[str, str]], None]) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        subject = self.path.strip("/").split("/")[1]
        with self.server.lock:
            fault = self.server.faults.pop(0) if self.server.faults else "ok"
            victim, self.server.victim = self.server.victim, 0
        is_done = fault in ("ok", "times out behind it", "500 behind it", "resets behind it")
        if is_done:
            effect(subject, given)
        if fault == "times out, and does it later":
            self.server.late.append(lambda: effect(subject, given))
        if victim:
            os.kill(victim, signal.SIGKILL)
            return
        if fault.startswith("times out"):
            time.sleep(2 * PATIENCE)
        elif fault == "refuses":
            self.answer(422, {"error": "not like this"})
        elif fault.startswith("500"):
            self.answer(500, {})
        elif fault == "429":
            self.answer(429, {}, Retry_After="30")
        elif fault == "resets behind it":
            self.connection.close()
            self.close_connection = True
        else:
            self.answer(200, {})


@contextmanager
def running() -> Iterator[Target]:
    target = Target()
    thread = threading.Thread(target=target.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield target
    finally:
        target.shutdown()
        target.server_close()


def _send(url: str, method: str, path: str, body: Mapping[str, str]) -> None:
    try:
        answer = requests.request(method, f"{url}{path}", json=body, timeout=PATIENCE, headers={"Connection": "close"})
    except requests.exceptions.ConnectionError as error:
        if "refused" in str(error):
            raise Unavailable("nobody is there") from None
        raise Unanswered("the connection broke") from None
    except requests.RequestException:
        raise Unanswered("no answer") from None
    if answer.status_code == 429:
        raise Unavailable("too many requests", after=float(answer.headers["Retry-After"]))
    if answer.status_code == 422:
        raise Refused("not like this")
    if answer.status_code >= 300:
        raise Unanswered(f"HTTP {answer.status_code}")


def _read(url: str, path: str, name: str) -> Any:
    try:
        answer = requests.get(f"{url}{path}", timeout=2, headers={"Connection": "close"})
    except requests.RequestException:
        raise Unavailable("nobody is there") from None
    if answer.status_code >= 300:
        raise Unavailable(f"HTTP {answer.status_code}")
    if name not in answer.json():
        raise Unrecognized("the page is another one")
    return answer.json()[name]


def _entries_of(url: str, parameters: Mapping[str, str], marker: str) -> State:
    found = _read(url, f"/b/{parameters['subject']}", "entries")
    return {"entry": parameters["text"]} if marker in found else {}


ACTIONS: Mapping[str, Action] = {action.name: action for action in (
    Action(
        name="http.set", does={"en": "sets a value", "zh-CN": "设置数值"}, parameters={"subject": "whose", "value": "which"}, repeat="A", settles=SETTLES,
        look=lambda url, parameters, marker: {"value": _read(url, f"/a/{parameters['subject']}", "value")},
        wanted=lambda parameters, before: {"value": parameters["value"]},
        act=lambda url, parameters, before, marker: _send(url, "PUT", f"/a/{parameters['subject']}", {"value": parameters["value"]}),
        undo=lambda parameters, before, after: Undo(action="http.set", parameters={"subject": parameters["subject"], "value": before["value"]})
        if before["value"] else None),
    Action(
        name="http.note", does={"en": "adds a note", "zh-CN": "添加备注"}, parameters={"subject": "whose", "text": "what"}, repeat="B", settles=SETTLES,
        look=_entries_of, wanted=lambda parameters, before: {"entry": parameters["text"]},
        act=lambda url, parameters, before, marker: _send(url, "POST", f"/b/{parameters['subject']}", {"text": parameters["text"], "marker": marker})),
    Action(
        name="http.count", does={"en": "adds one", "zh-CN": "加一"}, parameters={"subject": "whose"}, repeat="C", settles=SETTLES,
        look=lambda url, parameters, marker: {"entries": len(_read(url, f"/c/{parameters['subject']}", "entries"))},
        wanted=lambda parameters, before: {"entries": before["entries"] + 1},
        act=lambda url, parameters, before, marker: _send(url, "POST", f"/c/{parameters['subject']}", {})),
)}


@contextmanager
def _open(options: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterator[str]:
    yield str(options["url"])


KIND = Kind(name="http", options={"url": "where it is"}, secrets=(), open=_open, check=lambda url: f"{url} answers {_read(url, '/a/x', 'value')}")
