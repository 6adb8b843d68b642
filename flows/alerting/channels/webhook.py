"""A system of your own: the notice as JSON, signed, with a key under which it is taken once.

X-Meridian-Signature is `sha256=` and the hexadecimal HMAC-SHA256 of "<X-Meridian-Timestamp>.<body>" under the secret; the timestamp is in seconds. A
message that is sent again has the same Idempotency-Key (the IETF's draft of that name). Any 2xx is a yes, so answer it when the message is kept.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from flows.alerting.channels.contract import Answer, Kind, Options, Rate
from flows.alerting.channels.form import fit, plain
from flows.alerting.channels.http import by_status, dumps, post
from flows.alerting.notice import Notice


class WebhookOptions(Options):
    """most_bytes: what its system takes in one request."""

    url_env: str
    secret_env: str
    most_bytes: int = 100_000


def body(notice: Notice) -> bytes:
    told = asdict(notice)
    del told["files"]                   # paths of this machine are nobody's elsewhere
    return dumps({"notice": told, "text": plain(notice)})


def headers(content: bytes, key: str, secret: str, now: datetime) -> dict[str, str]:
    timestamp = str(int(now.timestamp()))
    sign = hmac.new(secret.encode(), f"{timestamp}.".encode() + content, hashlib.sha256).hexdigest()
    return {"X-Meridian-Timestamp": timestamp, "X-Meridian-Signature": f"sha256={sign}", "Idempotency-Key": hashlib.sha256(key.encode()).hexdigest()}


def send(notice: Notice, options: WebhookOptions, secrets: Mapping[str, str], now: datetime) -> Answer:
    content = body(fit(notice, lambda one: len(body(one)) <= options.most_bytes))
    reply = post(secrets["url"], content, now=now, headers=headers(content, notice.key, secrets["secret"], now))
    if isinstance(reply, Answer):
        return reply
    return by_status(reply) or Answer(outcome="delivered", said=reply.words)


KIND = Kind(options=WebhookOptions, send=send, rates=(Rate(messages=10, seconds=1), Rate(messages=120, seconds=60)))
