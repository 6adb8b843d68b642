"""Reading what a Frappe site says: its errors, its stamps, and whether an answer is one to the question. Pure functions for erpnext.py."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connectors.stream import Json, Record

STAMP = "%Y-%m-%d %H:%M:%S.%f"
TICK = timedelta(microseconds=1)
KINDS = {"ref_doctype", "deleted_doctype", "reference_doctype", "comment_type", "parenttype", "parentfield"}     # columns of the framework's own words


def words(body: Json) -> str:
    """What a Frappe error says to people: `_server_messages` is JSON of texts that are JSON; then `_error_message`, `exception`, `exc_type`. Never `exc`, a
    traceback with values of the request in it."""
    if not isinstance(body, dict):
        return "no reason given"
    texts: list[str] = []
    for message in _listed(body.get("_server_messages")):
        try:
            told = json.loads(message)
        except (TypeError, ValueError):
            told = message
        texts.append(str(told.get("message")) if isinstance(told, dict) else str(told))
    texts = texts or [str(body[name]) for name in ("_error_message", "exception", "message", "exc_type") if body.get(name)][:1] or ["no reason given"]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", "; ".join(texts))).split())[:300]


def _listed(text: Json) -> list[Any]:
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        return []
    return found if isinstance(found, list) else []


def answers(row: Record, filters: Sequence[Json], wanted: Sequence[str]) -> bool:
    """Whether a row can be the answer to this question: many questions share one address, and a cache on the way may take them for one.

    Names are not compared: to the site's database they may be the same in small letters and without accents.
    """
    if wanted != ["*"] and row.keys() != set(wanted):
        return False
    given = {column: [value] if operator == "=" else value for column, operator, value in filters if operator in ("=", "in")}
    return all(column in row or wanted != ["*"] for column in given) and all(row[column] in given[column] for column in KINDS & given.keys() & row.keys())


def stamp(record: Record) -> datetime:
    """Of a whole second the fraction is left out: stamps are not compared as text."""
    return datetime.fromisoformat(record["modified"])


def text_of(wall: datetime) -> str:
    return wall.strftime(STAMP)


def is_same(name: str, zone: ZoneInfo) -> bool:
    """Asia/Calcutta is Asia/Kolkata: compared is what their clocks show, over two years of half months."""
    try:
        other = ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    days = (datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=15 * step) for step in range(49))
    return all(day.astimezone(zone).utcoffset() == day.astimezone(other).utcoffset() for day in days)


def in_bold(comment: str | None) -> set[str]:
    """What a comment sets in bold: the words around it are translated."""
    return {html.unescape(text) for text in re.findall(r"<(?:b|strong)>(.*?)</(?:b|strong)>", comment or "", re.DOTALL)}
