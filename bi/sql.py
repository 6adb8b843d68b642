"""The datasets' SQL with its words put in: `{on_target}`, `{lang}`, `{zone}`, and what is tedious to write out, `{text:value}`.

What comes out runs on DuckDB and on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bi.specs import SpecError
from flows.reporting.scorecard import Language
from flows.reporting.words import word
from flows.settings import PROJECT, nearest

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Macro:
    """`{name:expression}`: what is written for an expression."""

    def __init__(self, write: Callable[[str], str]) -> None:
        self._write = write

    def __format__(self, expression: str) -> str:
        return self._write(expression)


def written(sql: str, values: Mapping[str, Mapping[str, str]], language: str, zone: str) -> str:
    """Raises SpecError for a word that words.yml lacks."""
    words = {key: title[language].replace("'", "''") for key, title in values.items()}
    names = " ".join(f"when {number} then '{number} {words[day]}'" for number, day in enumerate(DAYS, start=1))

    def local(instant: str) -> str:
        return f"({instant} at time zone 'UTC' at time zone '{zone}')"

    def weekday(day: str) -> str:
        return f"case extract(isodow from {day}) {names} end"

    def worklist(name: str) -> str:
        """Called what the reports call it."""
        spoken: Language = "zh-CN" if language == "zh" else "en"
        lists = sorted(path.stem.removeprefix("worklist_") for path in (PROJECT / "dbt_project/models/marts/worklists").glob("worklist_*.sql"))
        called = {each: word(each, spoken).replace("'", "''") for each in lists}
        return f"case {name} " + " ".join(f"when '{each}' then '{text}'" for each, text in called.items()) + f" else {name} end"

    known: dict[str, Any] = {
        **words, "lang": language, "zone": zone, "text": Macro(text_of), "local": Macro(local), "weekday_of": Macro(weekday), "worklist": Macro(worklist),
        "weekday": Macro(lambda instant: weekday(local(instant))),
        "hour": Macro(lambda instant: f"lpad(cast(extract(hour from {local(instant)}) as varchar), 2, '0')"),
    }
    try:
        return sql.format(**known)
    except KeyError as unknown:
        wrong = str(unknown.args[0])
        raise SpecError(f"datasets.yml: {{{wrong}}} is not a word of words.yml{nearest(wrong, sorted(known))}") from None


def text_of(value: str) -> str:
    """A KPI's value as people write it, by the `unit` beside it: rounded, a ratio in percent; empty when there is none."""
    return (
        f"case when {value} is null then '' when unit = 'ratio' then cast(round(cast(100 * {value} as decimal(20, 4)), 1) as varchar) || ' %'"
        f" when abs({value}) >= 1000 then cast(round(cast({value} as decimal(20, 4)), 0) as varchar)"
        f" else cast(round(cast({value} as decimal(20, 4)), 1) as varchar) end"
    )
