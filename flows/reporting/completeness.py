"""How complete what was read is, in one line under the scorecard."""

from __future__ import annotations

from typing import Any

from flows.reporting.scorecard import Language

TITLE: dict[Language, str] = {"en": "Completeness of what was read", "zh-CN": "读取完整度"}
WORDS: dict[Language, tuple[str, str, str, str]] = {
    "en": ("{landed:,} of {held:,} records compared with the sources ({share:.2f} %)", "{count:,} of {stream} missing", "{count} streams not compared",
           "nothing was compared yet"),
    "zh-CN": ("与数据源比对 {held:,} 条，已落地 {landed:,} 条（{share:.2f} %）", "{stream} 缺 {count:,} 条", "{count} 个数据流未比对", "尚未比对"),
}


def line(connection: Any, language: Language = "en") -> str:
    """Of an open marts file (DuckDB connection): all streams together, each that lacks something, how many were not compared."""
    rows = connection.execute("""
        select source_name || '/' || stream, sum(rows_in_source)::bigint, sum(rows_landed)::bigint, sum(missing)::bigint
        from stream_completeness where is_latest group by all order by 4 desc nulls last, 1""").fetchall()
    all_of_it, lacking, silent, nothing = WORDS[language]
    held, landed = sum(row[1] or 0 for row in rows), sum(row[2] or 0 for row in rows)
    said = [all_of_it.format(landed=landed, held=held, share=100 * landed / held) if held else nothing]
    said += [lacking.format(count=count, stream=stream) for stream, _, _, count in rows if count]
    if unknown := sum(row[1] is None for row in rows):
        said.append(silent.format(count=unknown))
    return f"{TITLE[language]}{(': ', '：')[language == 'zh-CN']}{('; ', '；')[language == 'zh-CN'].join(said)}"
