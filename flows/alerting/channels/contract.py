"""What a channel is: a message goes in, what its system made of it comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, ConfigDict

from flows.alerting.notice import Language, Notice

Outcome = Literal["delivered", "unknown", "retry", "refused"]
SHORTEST_PIECE = 8                  # characters of an address that may be a token; shorter ones are words


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of one request.

    delivered: the system says that it has the message. unknown: it may have it (no answer came, or one that says nothing). retry: it has not, and may
    take it later. refused: it has not and never will. said: its words. retry_after: seconds that it asked us to wait. is_partial: delivered, but not
    to everybody. posted: what the system calls the message, where it can be answered to under that name.
    """

    outcome: Outcome
    said: str
    retry_after: float | None = None
    is_partial: bool = False
    posted: str = ""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """At most so many messages in any so many seconds."""

    messages: int
    seconds: float


class Options(BaseModel):
    """The options of a kind, as they stand in meridian.toml. `<secret>_env` names the environment variable that holds a secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# notice, options, secrets by the name of their option without `_env`, real time (for signatures)
Send = Callable[[Notice, Any, Mapping[str, str], datetime], Answer]
# the same, and what the system calls the message to answer to
Reply = Callable[[Notice, Any, Mapping[str, str], datetime, str], Answer]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """quiet_minutes: minutes of an hour in which the vendor asks not to send. reply: sends into the thread of an earlier message; None: it has no threads."""

    options: type[Options]
    send: Send
    rates: tuple[Rate, ...]
    quiet_minutes: frozenset[int] = frozenset()
    reply: Reply | None = None


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A configured channel. fault: why it cannot send as it is configured; '' when it can."""

    name: str
    kind: Kind
    language: Language
    fallback: str | None = None
    options: Any = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    fault: str = ""


def send(channel: Channel, notice: Notice, now: datetime, reply_to: str = "") -> Answer:
    """Send a message; reply_to: into the thread of the one that the system calls so. Never raises for what a system may do, and no secret is in what it
    says: exceptions carry addresses, and addresses carry tokens."""
    if channel.fault:
        return Answer(outcome="retry", said=channel.fault)
    try:
        if reply_to and channel.kind.reply:
            answer = channel.kind.reply(notice, channel.options, channel.secrets, now, reply_to)
        else:
            answer = channel.kind.send(notice, channel.options, channel.secrets, now)
    except Exception as error:              # a bug of ours must not leave the message in the middle of being sent
        return Answer(outcome="unknown", said=f"{type(error).__name__} while sending")
    said = answer.said
    for piece in sorted({piece for secret in channel.secrets.values() for piece in _pieces(secret)}, key=len, reverse=True):
        said = said.replace(piece, "***")
    return Answer(outcome=answer.outcome, said=said[:500], retry_after=answer.retry_after, is_partial=answer.is_partial, posted=answer.posted)


def _pieces(secret: str) -> Iterator[str]:
    """A secret, and of one that is an address what of it may be a token: a system that refuses a request likes to repeat its path."""
    yield secret
    if "://" not in secret:
        return
    parts = urlsplit(secret)
    found = [parts.path, parts.query, parts.password or "", *parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))]
    for piece in found:
        for form in (piece, unquote(piece)):
            if len(form) >= SHORTEST_PIECE:
                yield form
