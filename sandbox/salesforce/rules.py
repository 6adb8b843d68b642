"""The stand-in's rules that do not depend on what is asked for: refusals, tokens, the day's requests. Pages cited are the vendor's, by title."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

from sandbox.stand_in.limits import Failure, basic_credentials
from sandbox.stand_in.state import Item

JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")     # how PKCS #1 v1.5 (RFC 8017, 9.2) announces a SHA-256


def refusal(status: int, code: str, message: str) -> Failure:
    """ "Status Codes and Error Responses": a list of errors."""
    return Failure(status, [{"message": message, "errorCode": code}])


def used_up(wait: int) -> Failure:
    """ "API Request Limits and Allocations": of the whole organisation, in any 24 hours."""
    return refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")


@dataclass(frozen=True, kw_only=True)
class App:
    """An app that may ask for tokens. key: modulus and exponent of its certificate's RSA key, for assertions; username: whom they may speak for."""

    client_id: str
    client_secret: str
    refresh_token: str
    key: tuple[int, int] | None = None
    username: str = ""
    audience: str = "https://login.salesforce.com"


def granted(app: App, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Raises the answer to a request for a token that the app may not have."""
    asked = dict(parse_qsl(body.decode()))
    if asked.get("grant_type") == "refresh_token":
        user, password = basic_credentials(headers) if "Authorization" in headers else (asked.get("client_id", ""), asked.get("client_secret", ""))
        if not hmac.compare_digest(f"{user}:{password}".encode(), f"{app.client_id}:{app.client_secret}".encode()):
            raise _no_token("invalid_client", "invalid client credentials")
        if not hmac.compare_digest(asked.get("refresh_token", "").encode(), app.refresh_token.encode()):
            raise _no_token("invalid_grant", "expired access/refresh token")
    elif asked.get("grant_type") == JWT:
        _check_assertion(app, asked.get("assertion", ""), now)
    else:
        raise _no_token("unsupported_grant_type", "grant type not supported")


def _check_assertion(app: App, text: str, now: datetime) -> None:
    """ "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration": RS256, four claims, valid for minutes, the user approved beforehand."""
    signed, _, signature = text.rpartition(".")
    try:
        head, claims = (json.loads(_decoded(part)) for part in signed.split("."))
    except ValueError:
        raise _no_token("invalid_grant", "invalid assertion") from None
    if head.get("alg") != "RS256" or app.key is None or not is_signed(signed.encode(), _decoded(signature), app.key):
        raise _no_token("invalid_grant", "invalid assertion")
    if claims.get("aud") != app.audience:
        raise _no_token("invalid_grant", "audience is invalid")
    if not now.timestamp() - 180 <= int(claims.get("exp", 0)) <= now.timestamp() + 300 + 180:
        raise _no_token("invalid_grant", "assertion is expired or valid for too long")
    if claims.get("iss") != app.client_id or claims.get("sub") != app.username:
        raise _no_token("invalid_grant", "user hasn't approved this consumer")


def is_signed(content: bytes, signature: bytes, key: tuple[int, int]) -> bool:
    """RSASSA-PKCS1-v1_5 (RFC 8017, 8.2.2): the signature to the power of the exponent must be the padded digest."""
    modulus, exponent = key
    length = (modulus.bit_length() + 7) // 8
    digest = SHA256 + hashlib.sha256(content).digest()
    expected = b"\0\1" + b"\xff" * (length - len(digest) - 3) + b"\0" + digest
    return pow(int.from_bytes(signature), exponent, modulus).to_bytes(length) == expected


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _no_token(error: str, description: str) -> Failure:
    body: Item = {"error": error, "error_description": description}
    return Failure(400, body)
