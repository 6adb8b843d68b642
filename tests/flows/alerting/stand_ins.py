"""Systems that take messages, as their vendors document them: they check signatures and sizes, say no with HTTP 200 where those do, and can be told to fail."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Said = tuple[int, Any]
SECRET = "SEC-of-the-robot"
PATIENCE = (5.0, 1.5)                                   # seconds, as http.TIMEOUT; with 0.3 an answer on a busy machine counted as none


@dataclass
class Collector:
    """A system on a port of its own. faults: what happens to the next requests, in this order; a fault that ends in 'taken' keeps the message.
    taken: what people there see."""

    vendor: Callable[[Mapping[str, str], str, bytes], Said]
    limited: Said                                       # how it says that there were too many
    failing: Said                                       # how it says no with a status that looks like yes
    faults: deque[str] = field(default_factory=deque)
    taken: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[Any] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None
    _port: int = 0

    def __enter__(self) -> Collector:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.answer(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/hook/Tok3n-never-shown"

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        fault = self.faults.popleft() if self.faults else ""
        if fault == "429":
            return reply(request, 429, "slow down", {"Retry-After": "7"})
        if fault == "limited":
            return reply(request, *self.limited)
        if fault == "failing":
            return reply(request, *self.failing)
        if fault == "500 lost":
            return reply(request, 500, "oops")
        said = self.vendor(request.headers, request.path, body)
        if not (200 <= said[0] < 300 and refusal_of(said[1]) is None):
            self.refusals.append(said)
            return reply(request, *said)
        self.taken.append(json.loads(body))
        self.headers.append(dict(request.headers))
        if fault == "trickle, taken":
            for piece in [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"1\r\n \r\n"] * 40]:
                try:
                    request.wfile.write(piece)
                    request.wfile.flush()
                except OSError:
                    return None                         # nobody reads any more
                time.sleep(0.1)
        elif fault == "silent, taken":
            request.connection.settimeout(30)
            request.connection.recv(1)                  # until the sender has hung up
        elif fault == "500 taken":
            reply(request, 500, "oops")
        elif fault == "garbage, taken":
            reply(request, 200, "<html>a proxy's page</html>")
        elif fault != "cut, taken":
            reply(request, *said)
        return None


def refusal_of(body: Any) -> Any:
    if isinstance(body, dict):
        return body.get("code") or body.get("errcode") or (body.get("error") if body.get("ok") is False else None)
    return None


def reply(request: BaseHTTPRequestHandler, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    request.send_response(status)
    for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(data)


def _near(timestamp: float) -> bool:
    return abs(datetime.now(UTC).timestamp() - timestamp) < 3600


def feishu(headers: Mapping[str, str], path: str, body: bytes) -> Said:
    content = json.loads(body)
    if len(body) > 20 * 1024 or content.get("msg_type") != "interactive" or not content["card"]["header"]["title"]["content"]:
        return 200, {"code": 9499, "msg": "Bad Request", "data": {}}
    sign = base64.b64encode(hmac.new(f"{content.get('timestamp')}\n{SECRET}".encode(), digestmod=hashlib.sha256).digest()).decode()
    if content.get("sign") != sign or not _near(float(content["timestamp"])):
        return 200, {"code": 19021, "msg": "sign match fail or timestamp is not within one hour from current time"}
    return 200, {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}


def wecom(headers: Mapping[str, str], path: str, body: bytes) -> Said:
    content = json.loads(body)
    if content.get("msgtype") != "markdown" or len(content["markdown"]["content"].encode()) > 4096:
        return 200, {"errcode": 40058, "errmsg": "markdown.content exceed max length 4096. invalid Request Parameter"}
    return 200, {"errcode": 0, "errmsg": "ok"}


def dingtalk(headers: Mapping[str, str], path: str, body: bytes) -> Said:
    query = parse_qs(urlsplit(path).query)
    timestamp = query.get("timestamp", ["0"])[0]
    sign = base64.b64encode(hmac.new(SECRET.encode(), f"{timestamp}\n{SECRET}".encode(), hashlib.sha256).digest()).decode()
    if query.get("sign") != [sign] or not _near(int(timestamp) / 1000):
        return 200, {"errcode": 310000, "errmsg": "sign not match"}
    content = json.loads(body)
    shown = content[content["msgtype"]]
    if len(body) > 15_000 or not shown["title"] or not shown["text"] or not all(button["actionURL"] for button in shown.get("btns", [])):
        return 200, {"errcode": 400105, "errmsg": "unsupported"}
    return 200, {"errcode": 0, "errmsg": "ok"}


def _slack_blocks_are_right(content: dict[str, Any], body: bytes) -> bool:
    def text_of(block: dict[str, Any]) -> int:
        return len(block["text"]["text"]) if "text" in block else max((len(one["text"]) for one in block["elements"] if one["type"] == "mrkdwn"), default=1)

    most = {"header": 150, "section": 3000, "context": 3000, "actions": 75}
    return len(content["blocks"]) <= 50 and len(json.dumps(content["blocks"], ensure_ascii=False)) <= 13_200 and all(
        0 < text_of(block) <= most[block["type"]] for block in content["blocks"])


def slack(headers: Mapping[str, str], path: str, body: bytes) -> Said:
    return (200, "ok") if _slack_blocks_are_right(json.loads(body), body) else (400, "invalid_blocks")


def slack_method(headers: Mapping[str, str], path: str, body: bytes) -> Said:
    content = json.loads(body)
    if headers.get("Authorization") != f"Bearer {SECRET}":
        return 200, {"ok": False, "error": "invalid_auth"}
    if content["channel"] != "C0123":
        return 200, {"ok": False, "error": "channel_not_found"}
    if content.get("thread_ts") == "gone":
        return 200, {"ok": False, "error": "thread_not_found"}
    ts = hashlib.sha256(body).hexdigest()[:6]
    return (200, {"ok": True, "ts": f"1.{ts}"}) if _slack_blocks_are_right(content, body) else (200, {"ok": False, "error": "msg_blocks_too_long"})


def teams(headers: Mapping[str, str], path: str, body: bytes) -> Said:
    content = json.loads(body)
    cards = [one["content"] for one in content["attachments"] if one["contentType"] == "application/vnd.microsoft.card.adaptive"]
    if len(body) > 28 * 1024:
        return 413, "Request Entity too large"
    return (202, "") if len(cards) == 1 and cards[0]["type"] == "AdaptiveCard" and cards[0]["body"] else (400, "Bad payload")


def webhook(headers: Mapping[str, str], path: str, body: bytes) -> Said:
    timestamp = headers.get("X-Meridian-Timestamp", "0")
    sign = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    if headers.get("X-Meridian-Signature") != f"sha256={sign}" or not _near(float(timestamp)) or not headers.get("Idempotency-Key"):
        return 401, "bad signature"
    return 200, {"kept": json.loads(body)["notice"]["key"]}


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """A vendor's rules; limited and failing: how it says 'too many' and 'no' in its own way. options: of the kind, beside the address."""

    rules: Callable[[Mapping[str, str], str, bytes], Said]
    limited: Said = (429, "rate_limited")
    failing: Said = (403, "action_prohibited")
    options: Mapping[str, str] = field(default_factory=dict)

    def collector(self) -> Collector:
        return Collector(vendor=self.rules, limited=self.limited, failing=self.failing)


VENDORS: Mapping[str, Vendor] = {
    "feishu": Vendor(rules=feishu, limited=(200, {"code": 11232, "msg": "frequency limited"}), failing=(200, {"code": 19024, "msg": "Key Words Not Found"}),
                     options={"secret_env": "SECRET"}),
    "wecom": Vendor(rules=wecom, limited=(200, {"errcode": 45009, "errmsg": "api freq out of limit"}),
                    failing=(200, {"errcode": 93000, "errmsg": "invalid webhook url"})),
    "dingtalk": Vendor(rules=dingtalk, limited=(200, {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}),
                       failing=(200, {"errcode": 310000, "errmsg": "keywords not in content"}), options={"secret_env": "SECRET"}),
    "slack": Vendor(rules=slack),
    "teams": Vendor(rules=teams, limited=(200, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429"),
                    failing=(200, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 403")),
    "webhook": Vendor(rules=webhook, options={"secret_env": "SECRET"}),
}
