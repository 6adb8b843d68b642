"""What of the rows that were read is kept out of the numbers, because it cannot be as it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flows.reporting.scorecard import Language

TITLE: dict[Language, str] = {"en": "Quarantine", "zh-CN": "隔离数据"}
NOTHING: dict[Language, str] = {"en": "no bad rows", "zh-CN": "无不合理数据"}


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Rows of one kind that a source has wrong in one way. is_left_out: the rows count nowhere; else only the impossible value does not."""

    source: str
    entity: str
    reason: str
    is_left_out: bool
    rows: int
    new: int
    of: int
    is_growing: bool


def is_published(connection: Any) -> bool:
    """Whether the open version knows of quarantine; those from before do not."""
    return bool(connection.execute("select 1 from duckdb_tables() where table_name = 'quarantine_counts'").fetchone())


def read(connection: Any, language: Language) -> Sequence[Kept]:
    """By source, kind of row and reason, the most rows first. connection: on a published version."""
    if not is_published(connection):
        return ()
    rows = connection.execute(
        f"select source_name, entity, {'reason_zh' if language == 'zh-CN' else 'reason_en'}, is_left_out, rows_quarantined, rows_new, rows_in, is_growing "
        "from quarantine_counts order by rows_quarantined desc, source_name, entity, reason").fetchall()
    return tuple(Kept(source=row[0], entity=row[1], reason=row[2], is_left_out=row[3], rows=row[4], new=row[5], of=row[6], is_growing=row[7]) for row in rows)


def line(connection: Any, language: Language = "en") -> str:
    """All of it in one line; empty for a version that does not know."""
    if not is_published(connection):
        return ""
    stops = ("：", "；") if language == "zh-CN" else (": ", "; ")
    said = [f"{one.source}/{one.entity}: {one.reason} {one.rows:,}" + (f" (+{one.new:,})" if one.new else "") for one in read(connection, language)]
    return TITLE[language] + stops[0] + (stops[1].join(said) or NOTHING[language])
