"""One POST, and what its fate means where the system's own words do not say it."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests
import urllib3

from flows.alerting.channels.contract import Answer

TIMEOUT = (10.0, 30.0)              # seconds to connect, seconds for the answer
_ANSWER_BYTES = 64 * 1024           # what we read of an answer; those of the vendors have a few hundred


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int
    text: str
    retry_after: float | None

    @property
    def json(self) -> dict[str, Any]:
        """The answer's object; {} when it is none."""
        try:
            said = json.loads(self.text)
        except ValueError:
            return {}
        return said if isinstance(said, dict) else {}

    @property
    def words(self) -> str:
        return f"HTTP {self.status} {' '.join(self.text.split())}"[:300].rstrip()


def dumps(content: Any) -> bytes:
    """JSON as UTF-8: escaped, a Chinese character would count six bytes of a limit instead of three."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def post(url: str, body: bytes, *, now: datetime, headers: Mapping[str, str] | None = None) -> Reply | Answer:
    """Send once; no redirect is followed. Answer: no answer came, and whether the request had gone out."""
    told = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "meridian", **(headers or {})}
    try:
        # auth: as it is; without one, requests would put what ~/.netrc says of the host in the place of a token.
        with requests.post(url, data=body, headers=told, auth=lambda request: request, timeout=TIMEOUT, allow_redirects=False, stream=True) as response:
            text = _read(response.raw).decode(errors="replace")
            return Reply(status=response.status_code, text=text, retry_after=retry_after(response.headers.get("Retry-After"), now))
    except (requests.exceptions.ConnectTimeout, requests.exceptions.SSLError, requests.exceptions.ProxyError) as error:
        return Answer(outcome="retry", said=f"no connection: {type(error).__name__}")
    except requests.exceptions.ConnectionError as error:
        if never_connected(error):
            return Answer(outcome="retry", said="no connection: refused, or no such host")
        return Answer(outcome="unknown", said="the connection broke before an answer came")
    except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError):
        return Answer(outcome="unknown", said=f"no answer within {TIMEOUT[1]:.0f} s")
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema):
        return Answer(outcome="refused", said="its address is no https address")
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError):
        return Answer(outcome="unknown", said="the answer could not be read")


def _read(raw: Any) -> bytes:
    """The answer's body, as far as we read it. The time-out is one of each piece: a system that gives a byte now and then would hold a night for ever."""
    body, until = b"", time.monotonic() + sum(TIMEOUT)
    while len(body) < _ANSWER_BYTES and (piece := raw.read1(_ANSWER_BYTES, decode_content=True)):
        body += piece
        if time.monotonic() > until:
            raise requests.exceptions.Timeout
    return body


def by_status(reply: Reply) -> Answer | None:
    """What a status other than 2xx means everywhere; None for 2xx, where the body decides."""
    if 200 <= reply.status < 300:
        return None
    if reply.status == 429:
        return Answer(outcome="retry", said=reply.words, retry_after=reply.retry_after)
    if reply.status >= 500 or reply.status == 408:
        return Answer(outcome="unknown", said=reply.words, retry_after=reply.retry_after)
    return Answer(outcome="refused", said=reply.words)


def by_code(reply: Reply, code: object, *, later: Mapping[int, float]) -> Answer:
    """What an answer means where yes and no both come with HTTP 200, and a code tells them apart: 0 is yes. later: code -> seconds for which it says
    'not now'. An answer without a code is not the system's own."""
    if code == 0:
        return Answer(outcome="delivered", said=reply.words)
    if isinstance(code, int) and code in later:
        return Answer(outcome="retry", said=reply.words, retry_after=max(reply.retry_after or 0.0, later[code]))
    return by_status(reply) or Answer(outcome="refused" if isinstance(code, int) else "unknown", said=reply.words)


def never_connected(error: requests.exceptions.ConnectionError) -> bool:
    """Whether nothing was sent: no connection came about."""
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", cause), urllib3.exceptions.NewConnectionError)


def retry_after(said: str | None, now: datetime) -> float | None:
    """Retry-After: seconds, or an HTTP date (RFC 9110, 10.2.3)."""
    if said is None:
        return None
    try:
        return max(float(said), 0.0)
    except ValueError:
        pass
    try:
        return max((email.utils.parsedate_to_datetime(said) - now).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None
