"""What staging does with JSON and with texts that somebody else wrote, in Spark's SQL.

A struct's texts are what the record has, numbers with every digit they had (`spark.sql.json.enableExactStringParsing`). A column of DuckDB's type JSON is a
string of Spark's, and holds the same: a text with its quotes.
"""

from __future__ import annotations

import json
import re
from typing import Any

from sqlglot import exp

from flows.dialects.rewrites import NoCounterpart, formatted, has_type
from flows.dialects.spark_rows import call, spark_sql

# A whole number in a text, as DuckDB reads it: rounded, halves away from zero.
WHOLE = "try_cast(round(try_cast(trim({0}) as decimal(38, 6))) as {1})"


def taken_apart(node: Any) -> Any:
    """json_transform(text, shape): a struct or a list of them. What is no JSON of this shape is null, or a struct of nulls."""
    text, shape = node.expressions[0], json.loads(node.expressions[1].name)
    said = f"from_json({{0}}, '{_texts_of(shape)}')"
    return spark_sql(said if _is_text(shape) else _typed(said, shape), text)


def _is_text(shape: Any) -> bool:
    if isinstance(shape, list):
        return _is_text(shape[0])
    return all(map(_is_text, shape.values())) if isinstance(shape, dict) else shape in ("VARCHAR", "JSON")


def _texts_of(shape: Any) -> str:
    """Every leaf as a text: Spark reads no number from a text, as sources write many of them."""
    if isinstance(shape, list):
        return f"array<{_texts_of(shape[0])}>"
    return f"struct<{', '.join(f'`{name}`: {_texts_of(kind)}' for name, kind in shape.items())}>" if isinstance(shape, dict) else "string"


def _typed(value: str, shape: Any, depth: int = 0) -> str:
    if isinstance(shape, list):
        return f"transform({value}, item{depth} -> {_typed(f'item{depth}', shape[0], depth + 1)})"
    if isinstance(shape, dict):
        parts = ", ".join(f"'{name}', {_typed(f'{value}.`{name}`', kind, depth)}" for name, kind in shape.items())
        return f"if({value} is null, null, named_struct({parts}))"
    return value if _is_text(shape) else (WHOLE if shape in ("BIGINT", "INTEGER") else "try_cast({0} as {1})").format(value, shape.lower())


def part_of_struct(node: Any) -> Any:
    return exp.Dot(this=node.this, expression=exp.to_identifier(node.expression.name, quoted=True))


def text_in_json(node: Any) -> Any:
    """A text without its quotes, everything else as its JSON."""
    return call("get_json_object", node.this, exp.Literal.string(_path(node.expression)))


def field_as_json(node: Any) -> Any:
    """As the record has it; a text with its quotes. Only where one may be is it looked for: that costs reading the record again."""
    [field] = [part.this for part in node.expression.expressions if isinstance(part, exp.JSONPathKey)]
    if not re.fullmatch(r"\w+", field):
        raise NoCounterpart(f"a field called {field}")
    variant = f"try_variant_get(try_parse_json({{0}}), '$.{field}', 'variant')"
    return spark_sql(f"case when rlike({{0}}, '\"{field}\"\\\\s*:\\\\s*\"') and schema_of_variant({variant}) = 'STRING' then to_json({variant}) "
                     f"else from_json({{0}}, '`{field}` string').`{field}` end", node.this)


def has_field(node: Any) -> Any:
    record, path = node.expressions
    return spark_sql("array_contains(json_object_keys({0}), {1})", record, exp.Literal.string(path.name.removeprefix("$.")))


def _path(path: Any) -> str:
    said = "$"
    for part in path.expressions:
        if isinstance(part, exp.JSONPathKey) and re.fullmatch(r"\w+", str(part.this)):
            said += f".{part.this}"
        elif isinstance(part, exp.JSONPathSubscript) and isinstance(part.this, int):
            said += f"[{part.this}]"
        elif not isinstance(part, exp.JSONPathRoot):
            raise NoCounterpart(f"a path of JSON with {part.sql(dialect='duckdb')}")
    return said


def text_as_json(text: Any) -> Any:
    return spark_sql("case when try_parse_json({0}) is not null then {0} end", text)


def list_in_json(text: Any, kind: Any) -> Any:
    """try_cast to a list, of texts or whole numbers."""
    said = "from_json({0}, 'array<string>')"
    if kind.this != exp.DataType.Type.TEXT:
        said = f"transform({said}, item -> {WHOLE.format('item', kind.sql(dialect='spark').lower())})"
    return spark_sql(said, text)


def sum_of_list(node: Any) -> Any:
    """Of decimals, or of doubles; null where there is nothing to add."""
    kind = "double" if has_type(node.expressions[0], exp.DataType.Type.DOUBLE) else "decimal(38, 6)"
    return spark_sql(f"aggregate({{0}}, cast(null as {kind}), (so_far, item) -> cast(coalesce(so_far + item, so_far, item) as {kind}))", node.expressions[0])


# strptime's words, in which a day may have one digit or two.
PARSED = {"Y": "yyyy", "y": "yy", "m": "M", "d": "d", "H": "H", "M": "m", "S": "s", "b": "MMM"}


def read_by_formats(node: Any) -> Any:
    """try_strptime: the first of the formats in which the text is written."""
    text, formats = node.expressions
    wanted = formats.expressions if isinstance(formats, exp.Array) else [formats]
    said = [call("try_to_timestamp", text, exp.Literal.string(formatted(one.name, PARSED, "'"))) for one in wanted]
    return said[0] if len(said) == 1 else call("coalesce", *said)
