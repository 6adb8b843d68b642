"""Links in messages that do something: once, until a day, and only as we wrote them.

A link holds what it does, to what, for whom, until when, and a number that is used up with it; HMAC-SHA256 under a key that only we have keeps it as it is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flows.alerting.notice import Language

KEY_VARIABLE = "MERIDIAN_LINK_KEY"
SHORTEST_KEY = 32               # characters; `openssl rand -hex 32` gives 64
LONGEST_TOKEN = 2000            # Slack takes addresses of 3,000 characters
_PURPOSE = b"meridian link 1\n"


class BadKey(ValueError):
    """The key is missing or could be guessed."""


class Forged(ValueError):
    """Not a link of ours, or not as we wrote it."""


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """What a link does. to: whom it was sent to (a channel or a person)."""

    action: str
    subject: str
    to: str
    language: Language
    expires: datetime
    nonce: str

    def is_over(self, now: datetime) -> bool:
        return now >= self.expires


# action, subject, to, language -> address
Writer = Callable[[str, str, str, Language], str]


def writer(base: str, key: str, *, now: datetime, lasts: timedelta, nonce: Callable[[], str] = lambda: secrets.token_urlsafe(12)) -> Writer:
    """What writes links that begin with `base`. Raises BadKey."""
    check_key(key)

    def write(action: str, subject: str, to: str, language: Language) -> str:
        return f"{base}/a/{token(Ticket(action=action, subject=subject, to=to, language=language, expires=now + lasts, nonce=nonce()), key)}"

    return write


def check_key(key: str) -> None:
    """Raises BadKey."""
    if len(key) < SHORTEST_KEY:
        raise BadKey(f"{KEY_VARIABLE} is {'too short' if key else 'not set'}: openssl rand -hex 32 makes one")


def token(ticket: Ticket, key: str) -> str:
    told = [ticket.action, ticket.subject, ticket.to, ticket.language, int(ticket.expires.timestamp()), ticket.nonce]
    payload = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    return _token(payload, _signature(payload, key))


def read(text: str, key: str) -> Ticket:
    """The ticket of a token, expired or not. Raises Forged."""
    try:
        if len(text) > LONGEST_TOKEN or len(key) < SHORTEST_KEY:
            raise Forged
        payload, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in text.split("."))
        if not hmac.compare_digest(signature, _signature(payload, key)) or _token(payload, signature) != text:
            raise Forged
        action, subject, to, language, expires, nonce = json.loads(payload)
    except (ValueError, TypeError):
        raise Forged from None
    return Ticket(action=action, subject=subject, to=to, language=language, expires=datetime.fromtimestamp(expires, UTC), nonce=nonce)


def _token(payload: bytes, signature: bytes) -> str:
    """The one way in which a token is written: base64 has several for the same bytes."""
    return f"{_written(payload)}.{_written(signature)}"


def _signature(payload: bytes, key: str) -> bytes:
    return hmac.new(key.encode(), _PURPOSE + payload, hashlib.sha256).digest()


def _written(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
