"""How a request proves who we are. Import these from rest.py, which keeps their values out of everything it says."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Auth:
    """A request header that proves who we are. The value is never shown; `hidden` lists every text that must not be."""

    header: str
    value: str = field(repr=False)
    hidden: tuple[str, ...] = field(repr=False)


def bearer(token: str) -> Auth:
    return Auth(header="Authorization", value=f"Bearer {token}", hidden=(token,))


def basic(user: str, password: str) -> Auth:
    return _basic(user, password, secret=password)


def basic_key(key: str) -> Auth:
    """A vendor whose key stands where a user's name would, beside a password that means nothing."""
    return _basic(key, "X", secret=key)


def _basic(user: str, password: str, *, secret: str) -> Auth:
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return Auth(header="Authorization", value=f"Basic {encoded}", hidden=(secret, encoded))


def header(name: str, value: str, *, prefix: str = "") -> Auth:
    """`header("Authorization", token, prefix="token ")` for vendors with a scheme of their own."""
    return Auth(header=name, value=prefix + value, hidden=(value,))
