"""Records of every kind of source, made up from what staging asks of them: names and shapes are the models', values anything that a source has ever said."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from flows.store import landing

TEXTS = ["", " ", "x", " pad ", "EUR", "12", "007", "-3.50", "2.5", "1e3", "true", "no", "2026-10-31", "2026-10-31T23:15:00Z", "2026-03-29T01:30:00.123+02:00",
         "2026-10-31 22:00:00", "2026-10-31T21:00:00.000+0000", "31/10/2026 10:15", "5/1/2016 9:07", "10/31/06", "3-Feb-08", "sale.sale,12", "gid://shopify/Order/123?x=1",
         "Zürich \U0001f600 \"quoted\"", "two\nlines", "[1, 2]", '["a", "b"]', '{"id": 3, "name": "inside"}', "a,b;c", "2 days", "null"]
VALUES: list[Any] = [*TEXTS, None, 0, 7, -1, 12.5, 1.1, 1767225600, True, False]
OF_KIND: Mapping[str, list[Any]] = {"BOOLEAN": [True, False, None], "BIGINT": [0, 7, -1, "12", None], "INTEGER": [0, 7, "12", None], "DECIMAL": ["12.50", 3.25, 7, "-1", None]}
NESTED: list[Any] = [None, "x", '{"id": 3}', 5, True, [], {}, [None]]


def records(sql: str, count: int, dice: random.Random) -> Iterator[dict[str, Any] | None]:
    """What may have landed for a staging model. None: a delete."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    shapes = [one for one in tree.find_all(exp.Anonymous) if one.name.lower() == "json_transform"]
    [fields] = [json.loads(one.expressions[1].name) for one in shapes if _columns(one.expressions[0]) == {"record"}]
    asked: dict[str, list[Any]] = {}
    for one in shapes:
        for column in _columns(one.expressions[0]):
            asked.setdefault(column, []).append(json.loads(one.expressions[1].name))
    for found in tree.find_all(exp.JSONExtractScalar):
        keys = [part.this for part in found.expression.expressions if isinstance(part, (exp.JSONPathKey, exp.JSONPathSubscript))]
        for column in _columns(found.this):
            asked.setdefault(column, []).append(_nested(keys))
    for _ in range(count):
        yield None if dice.random() < 0.05 else {name: value for name, kind in fields.items()
                                                if (value := _value(name, kind, asked.get(name.lower(), []), dice)) is not ...}


def land(folder: Path, kind: str, table: str, records: Sequence[Mapping[str, Any] | None]) -> list[Path]:
    """In two batches, keys more than once."""
    files = []
    for number in range(2):
        where = landing.place(folder, f"the-{kind}", table, f"20261101T01300{number}Z-000")
        lines = [landing.line(str(nth if nth % 3 else nth % 7), nth, record) for nth, record in enumerate(records[number::2])]
        landing.append(where, lines, 0)
        landing.seal(where)
        files.append(where.final)
    return files


def _columns(node: Any) -> set[str]:
    return {one.name.lower() for one in node.find_all(exp.Column)}


def _nested(keys: list[Any]) -> Any:
    if not keys:
        return "VARCHAR"
    return [_nested(keys[1:])] if isinstance(keys[0], int) else {keys[0]: _nested(keys[1:])}


def _value(name: str, kind: str, shapes: list[Any], dice: random.Random) -> Any:
    if "zone" in name.lower():
        return dice.choice(["Europe/Berlin", "UTC"])
    if dice.random() < 0.1:
        return ...
    if shapes and dice.random() < 0.8:
        return _of(_merged(shapes), dice)
    return dice.choice(NESTED if kind == "JSON" else VALUES)


def _merged(shapes: list[Any]) -> Any:
    shape = shapes[0]
    for other in shapes[1:]:
        if isinstance(shape, Mapping) and isinstance(other, Mapping):
            shape = {key: _merged([one[key] for one in (shape, other) if key in one]) for key in {**shape, **other}}
        elif isinstance(shape, list) and isinstance(other, list):
            shape = [_merged([shape[0], other[0]])]
        elif isinstance(other, (Mapping, list)):
            shape = other
    return shape


def _of(shape: Any, dice: random.Random) -> Any:
    if dice.random() < 0.05:
        return None
    if isinstance(shape, list):
        return [_of(shape[0], dice) for _ in range(dice.randrange(4))]
    if isinstance(shape, Mapping):
        return {key: _of(kind, dice) for key, kind in shape.items() if dice.random() < 0.9}
    return dice.choice(OF_KIND.get(shape.partition("(")[0], VALUES))
