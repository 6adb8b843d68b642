"""What of DuckDB's SQL sqlglot does not say in PostgreSQL's, or says otherwise than DuckDB means it. Each rule takes a node and gives its counterpart.

A rule that has to know a type finds it on the node, as sqlglot worked it out from the columns' types. Nodes are taken from the innermost outwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import sqlglot
from sqlglot import exp

from flows.dialects.rewrites import (
    AGGREGATES_BY_NAME,
    NO_FUNCTIONS,
    Asof,
    Engine,
    NoCounterpart,
    Rule,
    asof_joins_by,
    formatted,
    has_type,
    is_double,
    is_there,
    printed,
)

FORMATS = {"Y": "YYYY", "m": "MM", "d": "DD", "H": "HH24", "M": "MI", "S": "SS", "a": "Dy"}
TRIES = {"BIGINT": "bigint", "INT": "bigint", "DOUBLE": "double", "DECIMAL": "numeric", "DATE": "date", "TIMESTAMP": "timestamp", "TIMESTAMPNTZ": "timestamp",
         "TIMESTAMPTZ": "timestamptz"}


def _asof_join(join: Any, found: Asof) -> Any:
    """The one row of the other table that is nearest: looked up for each row, by an index."""
    nearest = exp.select("*").from_(found.table.copy()).where(*[one.copy() for one in found.conditions]).order_by(
        exp.Ordered(this=found.instant.copy(), desc=found.is_latest, nulls_first=found.is_latest)).limit(1)
    return exp.Join(this=exp.Lateral(this=nearest.subquery(), alias=exp.TableAlias(this=exp.to_identifier(found.table.alias_or_name))),
                    side="LEFT" if found.is_left else None, kind=None if found.is_left else "INNER", on=exp.true())


def _pg(template: str, *nodes: Any) -> Any:
    """PostgreSQL's SQL with nodes in it, as a node."""
    inside = [f"({_text(node)})" if isinstance(node, (exp.Binary, exp.Unary, exp.Between)) else _text(node) for node in nodes]
    return sqlglot.parse_one(template.format(*inside), dialect="postgres")


def _text(node: Any) -> str:
    return node if isinstance(node, str) else str(node.sql(dialect="postgres", identify=True))


def _call(name: str, *nodes: Any) -> Any:
    return exp.Anonymous(this=f"meridian_{name}", expressions=list(nodes))


def _first(value: Any, keys: list[Any], *, desc: bool, where: list[Any]) -> Any:
    """The value of the row that comes first by `keys`."""
    ordered = [exp.Ordered(this=key, desc=desc, nulls_first=desc) for key in keys]
    every = exp.ArrayAgg(this=exp.Order(this=value, expressions=ordered) if ordered else value)
    return _call("item", exp.Filter(this=every, expression=exp.Where(this=exp.and_(*where))) if where else every, exp.Literal.number(1))


def _pick(node: Any, where: Any = None) -> Any:
    """arg_min and arg_max: rows without a value, or without what they are ordered by, do not count; those of arg_min_null do without a value."""
    is_null_allowed = isinstance(node, exp.Anonymous)
    value, by = (node.expressions[0], node.expressions[1]) if is_null_allowed else (node.this, node.expression)
    desc = isinstance(node, exp.ArgMax) or (is_null_allowed and node.name.lower() == "arg_max_null")
    keys = list(by.expressions) if isinstance(by, exp.Tuple) else [by]
    conditions = ([] if is_null_allowed else [is_there(value)]) + ([] if isinstance(by, exp.Tuple) else [is_there(by)])
    return _first(value, keys, desc=desc, where=conditions + ([where] if where is not None else []))


def _picked(node: Any) -> Any:
    return node if isinstance(node.parent, exp.Filter) else _pick(node)


def _filtered(node: Any) -> Any:
    inner = node.this
    if isinstance(inner, (exp.ArgMin, exp.ArgMax)) or (isinstance(inner, exp.Anonymous) and inner.name.lower() in AGGREGATES_BY_NAME):
        return _pick(inner, node.expression.this)
    if isinstance(inner, exp.Anonymous) and inner.name.lower() == "meridian_item":     # any_value
        raise NoCounterpart("any_value with a filter")
    return node


def _cast(node: Any) -> Any:
    to = node.to.this
    if to in (exp.DataType.Type.STRUCT, exp.DataType.Type.MAP):
        raise NoCounterpart("a cast to a nested type")
    if isinstance(node.this, exp.Null):
        return node
    if to == exp.DataType.Type.TEXT and is_double(node.this):
        return _call("text", node.this)
    if to == exp.DataType.Type.DECIMAL and not isinstance(node.this, exp.Literal):
        node.set("this", _call("numeric", node.this))
    if to in (exp.DataType.Type.DOUBLE, exp.DataType.Type.BIGINT) and has_type(node.this, exp.DataType.Type.BOOLEAN):
        node.set("this", exp.cast(node.this, "int"))
    if to == exp.DataType.Type.INT128:
        node.set("to", exp.DataType.build("decimal(38, 0)"))
    return node


def _try_cast(node: Any) -> Any:
    kind = node.to.this.value
    if kind not in TRIES:
        raise NoCounterpart(f"try_cast to {kind.lower()}")
    tried = _call(f"try_{TRIES[kind]}", exp.cast(node.this, "text"))
    return exp.cast(tried, node.to) if kind in ("DECIMAL", "INT") else tried


def _joined(node: Any) -> Any:
    for side in ("this", "expression"):
        if is_double(node.args[side]):
            node.set(side, _call("text", node.args[side]))
    return node


def _mapped(node: Any) -> Any:
    names = node.expression.expressions
    if len(names) != 1:
        raise NoCounterpart("a lambda of several parameters")
    return _pg("case when {0} is not null then array(select {2} from unnest({0}) with ordinality as each_({1}, nth_) order by nth_) end",
               node.this, names[0], node.expression.this)


def _kept(node: Any) -> Any:
    return _pg("case when {0} is not null then array(select {1} from unnest({0}) with ordinality as each_({1}, nth_) where {2} order by nth_) end",
               node.this, node.expression.expressions[0], node.expression.this)


def _interval(node: Any) -> Any:
    if isinstance(node.this, exp.Literal) or node.this is None:
        return node
    return _pg(f"({{0}} * interval '1 {node.args['unit'].name.lower()}')", node.this)


def _extracted(node: Any) -> Any:
    if "(?i:" in node.expression.name:
        raise NoCounterpart("a regular expression with flags inside")
    return _call("regexp_extract", node.this, node.expression, node.args.get("group") or exp.Literal.number(0))


def _span(unit: str) -> Rule:
    return lambda node: _pg(f"({{0}} * interval '1 {unit}')", node.expressions[0])


def _renamed(name: str) -> Rule:
    return lambda node: _call(name, *(node.expressions if isinstance(node, exp.Anonymous) else [node.this]))


def _unnested(node: Any) -> Any:
    inner = node.this if isinstance(node, exp.Explode) else node.expressions[0] if len(node.expressions) == 1 else None
    return inner if isinstance(inner, exp.GenerateSeries) and not node.args.get("alias") else node


def _sliced(node: Any) -> Any:
    """`text[5:]`, from DuckDB's parser with places that begin at 0."""
    [part] = node.expressions if len(node.expressions) == 1 else [None]
    if not isinstance(part, exp.Slice):
        return node
    if part.expression is not None or not isinstance(part.this, exp.Literal):
        raise NoCounterpart("a slice that ends")
    if has_type(node.this, exp.DataType.Type.ARRAY, exp.DataType.Type.LIST):
        return node
    return _pg("substr({0}, {1})", node.this, exp.Literal.number(int(part.this.name) + (1 if node.args.get("offset") == 0 else 0)))


def _ignoring_nulls(node: Any) -> Any:
    if isinstance(node.this, exp.AnyValue):
        return _first(node.this.this, [], desc=False, where=[is_there(node.this.this)])
    if isinstance(node.this, exp.LastValue):
        return _call("last", node.this.this)
    raise NoCounterpart("ignore nulls")


def _no_struct(node: Any) -> Any:
    raise NoCounterpart("a struct")


RULES: Mapping[type, Rule] = {
    exp.ArgMin: _picked, exp.ArgMax: _picked, exp.Filter: _filtered, exp.Cast: _cast, exp.TryCast: _try_cast, exp.DPipe: _joined,
    exp.IgnoreNulls: _ignoring_nulls, exp.Last: lambda node: _call("last_item", exp.ArrayAgg(this=node.this)), exp.Bracket: _sliced,
    exp.Format: lambda node: printed(node, lambda value, digits: _call("g", exp.cast(value, "double precision", dialect="postgres"), digits)),
    exp.Round: lambda node: _call("round", node.this, node.args.get("decimals") or exp.Literal.number(0)),
    exp.TimestampTrunc: lambda node: _call("date_trunc", exp.Literal.string(node.args["unit"].name.lower()), node.this),
    exp.DateDiff: lambda node: _call("date_diff", exp.Literal.string(node.args["unit"].name.lower()), node.expression, node.this),
    exp.TimeToUnix: _renamed("epoch"), exp.UnixToTime: _renamed("epoch_ms"), exp.Interval: _interval,
    exp.TimeToStr: lambda node: _call("to_char", node.this, exp.Literal.string(formatted(node.args["format"].name, FORMATS, '"'))),
    exp.RegexpExtract: _extracted,
    exp.RegexpFullMatch: lambda node: _pg("({0} ~ {1})", node.this, exp.Literal.string(f"^(?:{node.expression.name})$")),
    exp.Contains: lambda node: _pg("(strpos({0}, {1}) > 0)", node.this, node.expression),
    exp.ArrayContains: lambda node: _pg("case when {0} is not null and {1} is not null then coalesce({1} = any({0}), false) end", node.this, node.expression),
    exp.Transform: _mapped, exp.ArrayFilter: _kept, exp.ArraySort: _renamed("sorted"),
    exp.Median: lambda node: _pg("percentile_cont(0.5) within group (order by cast({0} as double precision))", node.this),
    exp.PercentileCont: lambda node: _pg("percentile_cont({1}) within group (order by cast({0} as double precision))", node.this, node.expression)
    if node.expression is not None else node,
    exp.Mode: lambda node: _pg("mode() within group (order by {0})", node.this),
    exp.Split: lambda node: _pg("case when {0} = '' then array[''] else string_to_array({0}, {1}) end", node.this, node.expression),
    exp.Array: lambda node: node if node.expressions else exp.Literal.string("{}"),
    exp.DayOfWeekIso: lambda node: _pg("cast(extract(isodow from {0}) as bigint)", node.this),
    exp.Struct: _no_struct, exp.Explode: _unnested, exp.Unnest: _unnested,
    exp.First: lambda node: _first(node.this, [], desc=False, where=[]),
}
BY_NAME: Mapping[str, Rule] = {
    "arg_min_null": _picked, "arg_max_null": _picked,
    "date_trunc": _renamed("date_trunc"), "epoch_us": _renamed("epoch_us"),
    "to_seconds": _span("second"), "to_minutes": _span("minute"), "to_days": _span("day"), "to_microseconds": _span("microsecond"),
    "agents_needed": _renamed("agents_needed"), "list_extract": _renamed("item"),
    "list_position": lambda node: _pg("array_position({0}, {1})", *node.expressions),
}
ENGINE = Engine(dialect="postgres", rules=RULES, by_name=BY_NAME, unknown=NO_FUNCTIONS | {"json_transform"},
                prepare=partial(asof_joins_by, _asof_join), finish=lambda tree: None, are_steps_kept=True)
