"""Schema drift is said once, as a warning, and loses nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from expectations.drift import compare, infer, merge, report
from tests.expectations.landed import batch, ticket


def drifts(folder: Path, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    schema, first = compare([batch(folder, before, name="before")], None)
    assert first == [], "of the first batch nothing is new"
    _, changes = compare([batch(folder, after, name="after")], json.loads(json.dumps(schema)))
    return [(change["kind"], change["field"], change["before"], change["now"]) for change in changes]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda r: r, []),
        (lambda r: {**r, "sentiment": "calm"}, [("new", "sentiment", "", "text")]),
        (lambda r: {key: value for key, value in r.items() if key != "priority"}, [("missing", "priority", "text", "")]),
        (lambda r: {**r, "priority": None}, [("missing", "priority", "text", "")]),
        (lambda r: {**r, "id": str(r["id"])}, [("retyped", "id", "number", "text")]),
        (lambda r: {**r, "id": r["id"] + 0.5}, []),  # 17 and 17.5 are both numbers
        (lambda r: {**r, "priority": {"name": "high", "level": 3}}, [("nested", "priority", "text", "object")]),
        (lambda r: {**r, "status": ["open"]}, [("nested", "status", "text", "list")]),
        (lambda r: {**r, "via": {"channel": "email", "agent": "bot"}}, [("new", "via.agent", "", "text")]),
        (lambda r: {**r, "via": {}}, [("missing", "via.channel", "text", "")]),
        (lambda r: {**r, "gone": None}, [("new", "gone", "", "null")]),
        (lambda r: {**r, 'odd "name".x': 1}, [("new", 'odd "name".x', "", "number")]),
    ],
)
def test_a_changed_record_is_told_by_what_changed(tmp_path: Path, change: Any, expected: list[tuple[str, str, str, str]]) -> None:
    records = [ticket(number) for number in range(40)]
    assert drifts(tmp_path, records, [change(record) for record in records]) == expected


def test_a_renamed_field_is_a_missing_one_and_a_new_one(tmp_path: Path) -> None:
    records = [ticket(number) for number in range(40)]
    renamed = [{("prio" if key == "priority" else key): value for key, value in record.items()} for record in records]
    assert drifts(tmp_path, records, renamed) == [("new", "prio", "", "text"), ("missing", "priority", "text", "")]


def test_a_field_that_is_often_empty_is_not_missed(tmp_path: Path) -> None:
    before = [ticket(number, assignee=7 if number % 2 else None) for number in range(40)]
    assert drifts(tmp_path, before, [ticket(number, assignee=None) for number in range(40)]) == []


def test_a_handful_of_records_proves_nothing_missing(tmp_path: Path) -> None:
    assert drifts(tmp_path, [ticket(number) for number in range(40)], [{"id": 1}]) == []


def test_each_drift_is_said_once(tmp_path: Path) -> None:
    old = infer([batch(tmp_path, [ticket(number) for number in range(40)], name="a")])
    new = infer([batch(tmp_path, [{**ticket(number), "id": str(number), "extra": 1, "priority": None} for number in range(40)], name="b")])
    first, schema = merge(old, new)
    assert {drift.kind for drift in first} == {"new", "missing", "retyped"}
    again, schema = merge(schema, new)
    assert again == []
    back, _ = merge(schema, old)
    assert [(drift.kind, drift.field) for drift in back] == [("missing", "extra")], "the rest of the old shape is known, too"


def test_a_field_of_the_first_null_gets_its_type_silently(tmp_path: Path) -> None:
    assert drifts(tmp_path, [ticket(number, due_at=None) for number in range(40)], [ticket(number, due_at="2026-11-01") for number in range(40)]) == []


def test_deletes_have_no_shape(tmp_path: Path) -> None:
    assert infer([batch(tmp_path, [], deleted=["1"])]) == {}
    schema, _ = compare([batch(tmp_path, [ticket(number) for number in range(40)], name="a")], None)
    assert compare([batch(tmp_path, [], deleted=["1"], name="d")], schema) == (schema, [])


def test_drift_is_a_warning_and_never_stops_anything(tmp_path: Path) -> None:
    old = infer([batch(tmp_path, [ticket(number) for number in range(40)], name="a")])
    found, _ = merge(old, infer([batch(tmp_path, [{"id": str(number)} for number in range(40)], name="b")]))
    said = report(found, subject="helpdesk/tickets")
    assert said.passed
    assert len(said.warnings) == len(found) > 3
    assert said.warnings[0].check == "schema_stays_the_same(id)"


def test_a_large_batch_is_sampled_evenly(tmp_path: Path) -> None:
    file = batch(tmp_path, [ticket(number, **({"late": 1} if number >= 900 else {})) for number in range(1_000)])
    schema = infer([file], sample=200)
    assert schema["id"]["records"] == 200
    assert schema["late"]["present"] > 0
