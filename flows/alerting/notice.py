"""What one message says, before a channel gives it the form of its system."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["firing", "reminder", "escalation", "resolved", "summary", "digest", "report", "approval", "trouble", "test"]
Severity = Literal["info", "warning", "critical"]
Language = Literal["en", "zh-CN"]


@dataclass(frozen=True, kw_only=True)
class Item:
    """One of the things that a message is about: a supplier, a segment, an order. text: one line, numbers with their units.

    trend: the latest values, oldest first, None where there was none; what channels that can draw show as a line.
    """

    subject: str
    text: str
    trend: tuple[float | None, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Link:
    """text: what it does ('Acknowledge'). is_action: it changes something (shown as a button where a channel has them)."""

    text: str
    url: str
    is_action: bool = False


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One message in one language.

    key: what makes it this message and no other; composed again it has the same key, and goes out once a channel. thread: messages of one
    matter share it (mail: References; chat systems that have threads use it). title: one line. lead: what and how bad, one or two sentences.
    why: the largest drivers. steps: what to do, in order. owner: who answers for it. footer: small print (version, as of, rule).
    files: paths on this machine of what goes along where a channel can carry it (mail).
    """

    key: str
    thread: str
    kind: Kind
    severity: Severity
    language: Language
    title: str
    lead: str = ""
    items: tuple[Item, ...] = ()
    why: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    owner: str = ""
    links: tuple[Link, ...] = ()
    footer: str = ""
    files: tuple[str, ...] = ()


def to_json(notice: Notice) -> str:
    return json.dumps(asdict(notice), ensure_ascii=False, sort_keys=True)


def from_json(text: str) -> Notice:
    """The notice that `to_json` wrote. Raises TypeError for what is none."""
    said: dict[str, Any] = json.loads(text)
    items = tuple(Item(**{**item, "trend": tuple(item["trend"])}) for item in said.pop("items"))
    links = tuple(Link(**link) for link in said.pop("links"))
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
    return Notice(**fields, items=items, links=links)

