"""Fields that look as if they told of a person, and of which nobody has said so: somebody made one at the source, or forgot it in the configuration.

What is personal is hashed by declaration, before it lands. This looks at what has landed: a field that holds addresses, or is called like one that would.
No value is ever quoted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from expectations.batch_table import LIMITS, landed
from expectations.report import CheckReport, CheckResult

ADDRESS = r"[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}"
CALLED = re.compile(
    r"e?mail(?:address)?s?$|phone|mobile(?:number)?$|^fax|telefon|(?:first|last|sur|given|family|full|maiden|contact|customer)name$|vorname|nachname|birth"
    r"|geburt|iban|passport|street|strasse|姓名|电话|手机|邮箱|地址|身份证")
LOOKED_AT = 20_000
"""Records of a batch, the first ones: reading stops there."""
MOST_FOUND = 500


def look(
    files: Sequence[Path], schema: Mapping[str, Mapping[str, Any]], *, source: str, stream: str, is_declared: Callable[[str], bool],
    own_domains: Collection[str] = (),
) -> CheckReport:
    """Warnings, one a field. schema: of the batch, by drift.infer. is_declared: whether somebody said what the field at this path tells of a person.

    own_domains: addresses there are those of the company's own people.
    """
    called = {path for path, described in schema.items()
              if "VARCHAR" in described["types"] and CALLED.search(re.sub(r"[\W_]", "", path.split(".")[-1].lower()))}
    found = dict.fromkeys(sorted(path for path in called if not is_declared(path)), "is called like something personal")
    found |= dict.fromkeys((path for path in sorted(_with_addresses(files, frozenset(own_domains))) if not is_declared(path)), "holds e-mail addresses")
    return CheckReport(results=tuple(
        CheckResult(border="batch", subject=f"{source}/{stream}", check=f"personal_fields_are_declared({path})", severity="warning", passed=False,
                    observed=observed, expected=f'"{stream}.{path}" = "email" (or what it is, or "impersonal") under personal of [sources.{source}]',
                    why="what nobody declares lands as it is, and is read by whoever may read the marts")
        for path, observed in found.items()))


def _with_addresses(files: Sequence[Path], own_domains: frozenset[str]) -> set[str]:
    connection = duckdb.connect()
    try:
        connection.execute(LIMITS)
        rows = connection.execute(f"""
            select record from (
                select record::varchar as record from {landed()} where not deleted limit ?
            ) where regexp_matches(record, ?) limit ?""", [[str(file) for file in files], LOOKED_AT, ADDRESS, MOST_FOUND]).fetchall()
    finally:
        connection.close()
    return {path for (record,) in rows for path, text in _texts(json.loads(record), "")
            if any(address.rpartition("@")[2].lower() not in own_domains for address in re.findall(ADDRESS, text))}


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """(dotted path without places in lists, text) of every text in a record."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, path)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, f"{path}.{name}" if path else name)
