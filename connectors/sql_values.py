"""Values of a database as JSON without loss, and its clock without a time zone: the pure part of sql.py.

What JSON has no room for is landed as text: decimals digit by digit, NaN and infinities by name, bytes as base64. An instant carries its offset;
one that the database keeps without a zone keeps its digits and gets the offset that the declared zone had then, so that nothing is lost where
an hour comes twice. What no calendar of ours holds (year 0, BC, infinity) stays as the database writes it.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from connectors.stream import Json

# plain: as the driver gives it. stamp: with an offset, or in UTC. naive: date and time without a zone.
Kind = Literal["plain", "float", "text", "stamp", "naive", "date", "bytes", "json"]

# No zone has moved its clock by more within so short a time since databases exist.
AROUND_A_CHANGE = timedelta(hours=3)


def renderer(kind: Kind, zone: ZoneInfo | None) -> Callable[[Any], Json]:
    """What makes a raw value of this kind a JSON one. None stays None everywhere."""
    if kind == "naive":
        assert zone is not None
        return lambda raw: None if raw is None else _zoned(str(raw), zone)
    return RENDERERS[kind]


def _float(raw: Any) -> Json:
    if raw is None or math.isfinite(raw):
        return raw
    return "NaN" if math.isnan(raw) else "Infinity" if raw > 0 else "-Infinity"


def _plain(raw: Any) -> Json:
    return _bytes(raw) if isinstance(raw, bytes | bytearray | memoryview) else raw


def _bytes(raw: Any) -> Json:
    return None if raw is None else base64.b64encode(bytes(raw)).decode()


def _json(raw: Any) -> Json:
    return json.loads(raw, parse_float=_number) if isinstance(raw, str | bytes) else raw


def _number(text: str) -> float | str:
    """A number with a fraction; as text where a double would change it (0.1234567890123456789)."""
    number = float(text)
    if not math.isfinite(number):
        return text
    digits = text.lower().split("e")[0].replace(".", "").lstrip("-0").rstrip("0")
    exact = len(digits) <= 15 and (abs(number) > 1e-290 or not digits)
    return number if exact else text


def _stamp(raw: Any) -> Json:
    """`2026-03-29 01:30:00.5+00` (PostgreSQL in UTC) or without an offset (MySQL in UTC), as ISO 8601 with an offset."""
    if raw is None:
        return None
    text = str(raw)
    if not is_calendar(text):
        return text
    day, _, time = text.partition(" ")
    return f"{day}T{time.removesuffix('+00')}+00:00"


def _zoned(text: str, zone: ZoneInfo) -> Json:
    try:
        local = datetime.fromisoformat(text)
        offset = local.replace(tzinfo=zone).isoformat()[len(local.isoformat()):]
    except (ValueError, OverflowError):
        return text
    return text.replace(" ", "T", 1) + offset


RENDERERS: dict[str, Callable[[Any], Json]] = {
    "plain": _plain, "float": _float, "text": lambda raw: None if raw is None else str(raw), "stamp": _stamp,
    "date": lambda raw: None if raw is None else str(raw), "bytes": _bytes, "json": _json,
}


def is_calendar(text: str) -> bool:
    """Whether a date as a database writes it is one of our calendar."""
    return text[:1].isdigit() and not text.endswith("BC") and not text.startswith("0000") and text[4:5] == "-"


def bounds(kind: Kind, start: datetime | None, end: datetime, zone: ZoneInfo | None) -> tuple[str | None, str]:
    """(lowest value, first value beyond) that records of [start, end) can have in a cursor column of this kind; never too narrow.

    A stamp may have been cut to the whole second, so the start is one. A local clock shows an hour twice in autumn: a record written after `start`
    may show up to that hour less, one written before `end` up to that hour more. A date stands for all of its day.
    """
    zone = ZoneInfo("UTC") if kind == "stamp" or zone is None else zone
    low = None
    if start:
        low = _naive(start, min(_offset(start, zone), _offset(start + AROUND_A_CHANGE, zone))).replace(microsecond=0)
    beyond = _naive(end, max(_offset(end - AROUND_A_CHANGE, zone), _offset(end, zone)))
    if kind == "date":
        return (low.date().isoformat() if low else None), (beyond.date() + timedelta(days=1)).isoformat()
    return (low.isoformat(sep=" ") if low else None), beyond.isoformat(sep=" ", timespec="microseconds")


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def _naive(at: datetime, offset: timedelta) -> datetime:
    return (at.astimezone(UTC) + offset).replace(tzinfo=None)
