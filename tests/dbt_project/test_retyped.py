"""Whatever a source puts into a field, staging takes the record: what it cannot read is null, and no build fails over it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.dbt_project.warehouse_builder import PROJECT, Landed, WarehouseBuilder

ANYTHING: tuple[Any, ...] = (
    "mail", "", "{", 3, -1.5, True, [], ["mail"], [{"id": "mail"}], {}, {"id": {}}, 10**18, 2**70, "nan", "infinity", "-infinity", "290000-01-01T00:00:00Z")


def fields_of(model: Path) -> list[str]:
    """The top-level fields that a staging model reads."""
    return re.findall(r"'(\w+)'", re.search(r"parse\('source', \[(.*?)\]", model.read_text(encoding="utf-8"), re.DOTALL)[1])  # type: ignore[index]


def read_by_staging() -> dict[tuple[str, str], set[str]]:
    """(kind, stream) -> every field that some staging model reads of it."""
    found: dict[tuple[str, str], set[str]] = {}
    for model in sorted((PROJECT / "models/staging").rglob("stg_*.sql")):
        text = model.read_text(encoding="utf-8")
        if "parse('source'" in text:
            for kind, stream in re.findall(r"source\('(\w+)', '(\w+)'\)", text):
                found.setdefault((kind, stream), set()).update(fields_of(model))
    return found


def test_a_field_that_becomes_something_else_never_breaks_a_build(company: WarehouseBuilder) -> None:
    """A record without its number or instant is a rule's affair: it is said by name, and held before staging sees it (expectations/batch)."""
    read = read_by_staging()
    assert len(read) > 100
    landed: dict[tuple[str, str], list[Landed]] = {
        stream: [(f"{field}-{number}", {field: value}) for field in sorted(fields) for number, value in enumerate(ANYTHING)]
        for stream, fields in read.items()
    }
    company.land(landed)
    with pytest.raises(AssertionError) as failed:
        company.build("path:models/staging path:models/as_built", data_tests=False)
    said = re.split(r"^(?=\w+: )", str(failed.value), flags=re.MULTILINE)
    assert [one for one in said if one.strip() and not re.search("is not true of|is null or of several rows", one)] == []
