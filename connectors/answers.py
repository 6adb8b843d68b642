"""Reading what an HTTP answer really is: a vendor's message, a login page, a date, the reason a connection failed. Pure functions for rest.py."""

from __future__ import annotations

import json as jsonlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn
from urllib.parse import urlsplit

import orjson
import requests

from connectors.stream import Json, SourceError

MESSAGES = ("error", "title", "message", "description", "detail", "error_description")   # where vendors put their words, most general first
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19                # 2**63 has 19 digits; to look for them by a table costs a tenth of a regular expression


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what credentials are bound to."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


def vendor_message(response: requests.Response) -> str:
    """What the source itself says about a failure, in one line of at most 300 characters."""
    try:
        body = whole = jsonlib.loads(response.content)
    except (ValueError, RecursionError):
        text = response.content[:20_000].decode("utf-8", "replace")
        title = re.search(r"<title>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        return " ".join((title.group(1) if title else text[:300]).split())[:300] or (response.reason or "no message")
    texts: list[str] = []
    while isinstance(body, dict) and body:
        texts += [str(body[name]) for name in MESSAGES if isinstance(body.get(name), str | int)]
        body = next((body[name] for name in ("error", "errors", "details") if isinstance(body.get(name), dict)), None)
    return (": ".join(dict.fromkeys(texts)) or jsonlib.dumps(whole))[:300]


def path_of(url: str) -> str:
    """The address without its query: parameters may hold customers' data, and some vendors' tokens."""
    return urlsplit(url).path or "/"


def reason(error: BaseException) -> str:
    """The innermost cause: what the library's own text buries under its retry machinery."""
    while True:
        inner = getattr(error, "reason", None) or (error.args[-1] if error.args else None)
        if not isinstance(inner, BaseException):
            return f"{type(error).__name__} {error}".strip()
        error = inner


def field_of(body: Json, name: str, kind: type, odd: Callable[[str], SourceError]) -> Any:
    """What an answer must say under this name. odd: the connector's error, given what is wrong."""
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, kind):
        raise odd(f"the answer has no {name!r} that is a {kind.__name__}")
    return value


def is_html(response: requests.Response) -> bool:
    return "html" in response.headers.get("Content-Type", "").lower() or response.content.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html"))


def asks_for_login(response: requests.Response) -> bool:
    page = response.content[:200_000].lower()
    return b'type="password"' in page or b"type='password'" in page or bool(re.search(rb"<title>[^<]*(log ?in|sign ?in|single sign)", page))


def http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def parsed(content: bytes) -> Json:
    """The JSON of a body, as the standard library reads it; NaN and Infinity are none. Raises ValueError or RecursionError.

    orjson does it in a third of the time, but makes a float of an integer beyond 64 bits, so a body with one that may be is not for it; nor is what it
    refuses and JSON allows: lone surrogates, a byte order mark, UTF-16, 1e400.
    """
    if _LONG_NUMBER not in content.translate(_DIGITS):
        try:
            return orjson.loads(content)
        except ValueError:
            pass
    return jsonlib.loads(content, parse_constant=_no_constant)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
