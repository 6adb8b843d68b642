"""How a stand-in says no, and how often one may ask it.

A rule that refuses raises `Failure(status, body, headers)`; `Api.answer` catches it and returns the three. What the body looks like is the vendor's.
"""

from __future__ import annotations

import base64
import json
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any


class Failure(Exception):
    """An answer that is not the one hoped for. body: JSON, text or bytes, as serving.py takes them."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, dict(headers or {})


class RateLimit:
    """`most` requests in any `seconds`, counted on the real clock. refusal: the vendor's answer, given the whole seconds (from 1) until there is room."""

    def __init__(
        self, most: int, *, refusal: Callable[[int], Failure], seconds: float = 60.0, real: Callable[[], float] = time.monotonic,
    ) -> None:
        self.most, self._seconds, self._refusal, self._real, self._lock = most, seconds, refusal, real, threading.Lock()
        self._times: deque[float] = deque()

    def take(self) -> int:
        """What is left in this window; raises the refusal when nothing is."""
        with self._lock:
            now = self._real()
            while self._times and self._times[0] <= now - self._seconds:
                self._times.popleft()
            if len(self._times) >= self.most:
                raise self._refusal(max(1, math.ceil(self._times[0] + self._seconds - now)))
            self._times.append(now)
            return self.most - len(self._times)

    def forget(self) -> None:
        """As if the window had passed (tests do not wait for it)."""
        with self._lock:
            self._times.clear()


def json_object(body: bytes, refusal: Callable[[str], Failure]) -> dict[str, Any]:
    """The request's body; none at all is an empty object. refusal: the vendor's answer to what is not JSON, given the reason."""
    try:
        payload = json.loads(body or b"{}")
    except ValueError:
        raise refusal("The request body is not valid JSON") from None
    if not isinstance(payload, dict):
        raise refusal("The request body is not a JSON object")
    return payload


def decoded(text: str) -> str:
    """Base64 as text; '' when it is none."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        return ""


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def basic_credentials(headers: Mapping[str, str]) -> tuple[str, str]:
    """(user, password) of basic authentication; two empty texts without it."""
    user, _, password = decoded(headers.get("Authorization", "").removeprefix("Basic ")).partition(":")
    return user, password


def page_size(text: str | None, most: int, usual: int | None = None) -> int:
    """What a client asked for, between 1 and `most`; `usual` (default: most) where it asked for nothing sensible."""
    return max(1, min(int(text), most)) if text and text.isdigit() else usual or most
