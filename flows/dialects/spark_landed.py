"""Staging for Spark: the landing's lines as tables, and the JSON in them taken apart.

A batch is JSON lines (flows/store/landing.py), which Spark reads as text, packed as they are; what `raw` is for DuckDB, a view over files of the same columns,
it is for Spark. Staging's one way of taking a record apart (`parse` in dbt_project/macros/landing.sql) answers with a struct and unfolds it with a star, which
no other engine can be told: here its fields are named one by one.
"""

from __future__ import annotations

import json
from typing import Any

import sqlglot
from sqlglot import exp

from flows.store.warehouse import LANDED_COLUMNS

# The columns of `raw` (flows/store/warehouse.py), from a line and from the path of its file. A line that is none stops the statement.
LINES = """select
    regexp_extract(file_path, '([^/]+)/[^/]+/[^/]+/[^/]+$', 1) as _source,
    regexp_extract(file_path, '([^/]+)[.]jsonl[.](zst|gz)$', 1) as _batch,
    line.ordinal as _ordinal, line.`key` as _key, line.deleted as _deleted, line.record as record
from (
    select file_path, from_json(value, '`key` string, `ordinal` bigint, `deleted` boolean, `record` string', map('mode', 'FAILFAST')) as line
    from {lines}
) as lines"""
TYPES = {name: kind.upper() for name, kind in LANDED_COLUMNS.items()}      # of DuckDB
# Of a stream that was never read.
NOTHING = """select cast(null as string) as _source, cast(null as string) as _batch, cast(null as bigint) as _ordinal, cast(null as string) as _key,
    cast(null as boolean) as _deleted, cast(null as string) as record from (select 1) as nothing where false"""


def unfolded(sql: str) -> str:
    """The SQL of a staging model with each field of a record by its name instead of `fields.*`. What DuckDB says of its columns stays the same."""
    tree = _sql(sql)
    for select in list(tree.find_all(exp.Select)):
        stars = [one for one in select.expressions if isinstance(one, exp.Column) and isinstance(one.this, exp.Star) and one.table == "fields"]
        if not stars:
            continue
        [star], landed = stars, select.args["from_"].this
        shape = _shape(landed.this)
        landed.this.append("expressions", exp.column("record").as_("whole_record"))
        named = [_field(name, kind, landed.alias) for name, kind in shape.items()]
        select.set("expressions", [new for one in select.expressions for new in (named if one is star else [one])])
    for select in list(tree.find_all(exp.Select)):
        _numbered(select)
    made: list[Any] = list(tree.find_all(exp.Comprehension, bfs=True))
    for one in reversed(made):       # what stands inside of another comes first
        one.parent.replace(_listed(one))
    return _said(tree)


def _numbered(select: Any) -> None:
    """Lists taken apart side by side, or with the place of each item: by place, as Spark takes one list apart in a select. In place."""
    lists = [one for one in select.expressions if isinstance(one.unalias(), exp.Explode)]
    places = [one for one in select.expressions if _is_place(one)]
    if len(lists) + len(places) < 2 or not lists:
        return
    table, items = select.args["from_"].this, {f"items_{number}_": one.unalias().this for number, one in enumerate(lists)}
    lengths = [f"coalesce(array_length({_said(one)}), 0)" for one in items.values()]
    longest = f"greatest({', '.join(lengths)})" if len(lengths) > 1 else lengths[0]
    inner = exp.select("*", *(exp.alias_(one.copy(), name) for name, one in items.items()), _sql(f"unnest(generate_series(1, {longest})) as place_"))
    replaced = {id(one): exp.alias_(_sql(f"list_extract({name}, place_)"), one.alias) for name, one in zip(items, lists, strict=True)}
    replaced |= {id(one): exp.alias_(exp.column("place_"), one.alias) for one in places}
    star = _sql(f"* exclude ({', '.join(items)}, place_)")
    table.replace(inner.from_(table.copy()).subquery(table.alias_or_name))
    select.set("expressions", [replaced.get(id(one), star.copy() if isinstance(one, exp.Star) else one) for one in select.expressions])


def _is_place(one: Any) -> bool:
    found = one.unalias()
    return isinstance(found, exp.Anonymous) and found.name.lower() == "generate_subscripts"


def _sql(text: str) -> Any:
    return sqlglot.parse_one(text, dialect="duckdb")


def _said(node: Any) -> str:
    return str(node.sql(dialect="duckdb"))


def _listed(made: Any) -> Any:
    """[f(x) for x in list if c(x)], as sqlglot can take it further."""
    name, of, condition = _said(made.expression), _said(made.args["iterator"]), made.args.get("condition")
    kept = f"list_filter({of}, lambda {name}: {_said(condition)})" if condition is not None else of
    return _sql(f"list_transform({kept}, lambda {name}: {_said(made.this)})")


def _shape(select: Any) -> dict[str, str]:
    [told] = [one for one in select.expressions if one.alias == "fields"]
    shape: dict[str, str] = json.loads(told.this.expressions[1].name)
    return shape


def _field(name: str, kind: str, landed: str) -> Any:
    """What is not a text is its JSON; of a field that is JSON whatever it says, so is a text."""
    if kind == "JSON":
        value: Any = exp.func("json_extract", exp.column("whole_record", table=landed), exp.Literal.string(name), dialect="duckdb")
    else:
        value = exp.Anonymous(this="struct_extract", expressions=[exp.column("fields", table=landed), exp.Literal.string(name)])
    return exp.alias_(value, name.lower(), quoted=True)
