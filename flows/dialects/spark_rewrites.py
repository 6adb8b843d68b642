"""What of DuckDB's SQL sqlglot does not say in Spark's, or says otherwise than DuckDB means it. Each rule takes a node and gives its counterpart.

Spark runs with `ansi.enabled`: what would overflow, divide by nothing or not be readable stops the statement instead of becoming null unseen. Instants
are `timestamp` in a session of UTC, whether DuckDB has a zone with them or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlglot
from sqlglot import exp

from flows.dialects.rewrites import (
    AGGREGATES_BY_NAME,
    NO_FUNCTIONS,
    Asof,
    Engine,
    Lookups,
    NoCounterpart,
    Rule,
    asof_joins_by,
    formatted,
    has_type,
    is_double,
    is_there,
    printed,
)
from flows.dialects.spark_functions import AGENTS, GENERAL, TEXT

Type = exp.DataType.Type
FORMATS = {"Y": "yyyy", "m": "MM", "d": "dd", "H": "HH", "M": "mm", "S": "ss", "a": "EEE"}
INSTANTS = (Type.TIMESTAMP, Type.TIMESTAMPNTZ, Type.TIMESTAMPTZ, Type.TIMESTAMPLTZ, Type.DATETIME)
WHOLE = (Type.INT, Type.BIGINT, Type.SMALLINT, Type.TINYINT, Type.INT128, Type.UINT, Type.UBIGINT)
UNIT_ARGUMENTS = {"day": "{0}", "hour": "0, {0}", "minute": "0, 0, {0}", "second": "0, 0, 0, cast({0} as decimal(18, 6))",
                  "microsecond": "0, 0, 0, cast(cast({0} as decimal(24, 0)) * 0.000001 as decimal(18, 6))"}
def spark_type(kind: str) -> str:
    """Spark's type for a column of DuckDB's type `kind`."""
    if kind.endswith("[]"):
        return f"array<{spark_type(kind[:-2])}>"
    if kind.startswith("TIMESTAMP"):
        return "timestamp"
    if kind.startswith("DECIMAL") or kind in ("BOOLEAN", "DATE", "DOUBLE", "FLOAT", "BIGINT", "SMALLINT", "TINYINT"):
        return kind.lower()
    known = {"INTEGER": "int", '"NULL"': "int", "HUGEINT": "decimal(38, 0)", "UHUGEINT": "decimal(38, 0)", "UBIGINT": "decimal(20, 0)", "UINTEGER": "bigint"}
    if kind in known:
        return known[kind]
    if kind in ("VARCHAR", "JSON"):
        return "string"
    raise NoCounterpart(f"a column of type {kind}")


def _spark(template: str, *nodes: Any) -> Any:
    """Spark's SQL with nodes in it, as a node."""
    inside = [f"({_text(node)})" if isinstance(node, (exp.Binary, exp.Unary, exp.Between)) else _text(node) for node in nodes]
    return sqlglot.parse_one(template.format(*inside), dialect="spark")


def _let(template: str, value: Any, *more: Any) -> Any:
    """A template that needs its value often: it is worked out once."""
    return _spark("get(transform(array({0}), x_ -> " + template.replace("{0}", "x_") + "), 0)", value, *more)


def _text(node: Any) -> str:
    return node if isinstance(node, str) else str(node.sql(dialect="spark", identify=True))


def _call(name: str, *nodes: Any) -> Any:
    return exp.Anonymous(this=name, expressions=list(nodes))


def _named(name: str) -> Rule:
    return lambda node: _call(name, *(node.expressions if isinstance(node, exp.Anonymous) else [node.this]))


def _as(kind: str, node: Any) -> Any:
    return exp.cast(node, exp.DataType.build(kind, dialect="spark"))


def _said(node: Any) -> Any:
    return _let(TEXT, _as("double", node))


def _asof_join(join: Any, found: Asof) -> Any:
    """Each row of the other table is the nearest until the next one comes: a join to the stretch in which it is."""
    alias, name = found.table.alias_or_name, found.instant.name
    window = exp.Window(this=_call("lead" if found.is_latest else "lag", exp.column(name)), partition_by=[exp.column(key) for key in dict.fromkeys(found.keys)],
                        order=exp.Order(expressions=[exp.Ordered(this=exp.column(name), nulls_first=True)]))
    rows = exp.select("*", exp.alias_(window, "next_")).from_(exp.to_table(found.table.name)).where(is_there(exp.column(name)))
    border, other = exp.column("next_", table=alias), found.other
    if found.is_latest:
        inside: Any = exp.LTE(this=other.copy(), expression=border) if found.is_open else exp.LT(this=other.copy(), expression=border)
    else:
        inside = exp.GTE(this=other.copy(), expression=border) if found.is_open else exp.GT(this=other.copy(), expression=border)
    ends = exp.Paren(this=exp.or_(exp.Is(this=border.copy(), expression=exp.null()), inside))
    return exp.Join(this=rows.subquery(alias), side="LEFT" if found.is_left else None, kind=None if found.is_left else "INNER",
                    on=exp.and_(*[one.copy() for one in found.conditions], ends))


def _keys(ordered: list[Any], *, flip: bool = False) -> tuple[Any, bool] | None:
    """Columns to order by as one value, and whether the largest comes first. None where they go different ways."""
    ways = {bool(one.args.get("desc")) if isinstance(one, exp.Ordered) else False for one in ordered}
    if len(ways) > 1:
        return None
    [desc] = ways
    parts: list[Any] = []
    for one in ordered:
        key, nulls_first = (one.this, bool(one.args.get("nulls_first"))) if isinstance(one, exp.Ordered) else (one, False)
        absent: Any = exp.Is(this=key.copy(), expression=exp.null())
        parts += [exp.Not(this=absent) if nulls_first != (desc or flip) else absent, key]
    return _call("struct", *parts), desc


def _where(aggregate: Any, conditions: list[Any]) -> Any:
    return exp.Filter(this=aggregate, expression=exp.Where(this=exp.and_(*conditions))) if conditions else aggregate


def _pick(node: Any, where: Any = None) -> Any:
    """arg_min and arg_max: rows without a value, or without what they are ordered by, do not count; those of arg_min_null do without a value."""
    is_null_allowed = isinstance(node, exp.Anonymous)
    value, by = (node.expressions[0], node.expressions[1]) if is_null_allowed else (node.this, node.expression)
    is_max = isinstance(node, exp.ArgMax) or (is_null_allowed and node.name.lower() == "arg_max_null")
    if isinstance(by, exp.Tuple):
        found = _keys(list(by.expressions))
        by = found[0] if found else by
    conditions = ([] if is_null_allowed else [is_there(value)]) + ([where] if where is not None else [])
    return _where(_call("max_by" if is_max else "min_by", value, by), conditions)


def _end(node: Any) -> Any:
    """first and last of an order."""
    ordered = node.this if isinstance(node.this, exp.Order) else None
    found = _keys(list(ordered.expressions)) if ordered is not None else None
    if ordered is None or found is None:
        raise NoCounterpart("first or last without an order that goes one way")
    keys, desc = found
    return _call("max_by" if isinstance(node, exp.Last) is not desc else "min_by", ordered.this, keys)


def _picked(node: Any) -> Any:
    return node if isinstance(node.parent, exp.Filter) else _pick(node)


def _filtered(node: Any) -> Any:
    inner = node.this
    if isinstance(inner, (exp.ArgMin, exp.ArgMax)) or (isinstance(inner, exp.Anonymous) and inner.name.lower() in AGGREGATES_BY_NAME):
        return _pick(inner, node.expression.this)
    if isinstance(inner, exp.ArrayAgg):
        return _list(inner, node.expression.this)
    return node


def _list(node: Any, where: Any = None) -> Any:
    """list(): with its nulls, in its order, and null of no rows."""
    ordered = list(node.this.expressions) if isinstance(node.this, exp.Order) else []
    value = node.this.this if ordered else node.this
    if isinstance(value, exp.Distinct):
        raise NoCounterpart("a list of distinct values")
    found = _keys(ordered) if ordered else (_call("struct", exp.Literal.number(0)), False)
    if found is None:
        raise NoCounterpart("a list in an order that goes two ways")
    keys, desc = found
    pair = _call("named_struct", exp.Literal.string("k"), keys, exp.Literal.string("v"), value)
    rows = _where(_call("collect_list", pair), [where] if where is not None else [])
    if isinstance(node.parent, exp.Window):
        return rows
    in_order = "sort_array({0}, false)" if desc else "sort_array({0})" if ordered else "{0}"
    return _spark("nullif(transform(" + in_order + ", row_ -> row_.v), array())", rows)


def _over(node: Any) -> Any:
    """Spark has no `filter` in windows; a list of a window keeps its nulls."""
    inner = node.this
    if isinstance(inner, exp.Anonymous) and inner.name == "collect_list":
        return _spark("transform({0}, row_ -> row_.v)", node)
    if not isinstance(inner, exp.Filter):
        return node
    aggregate, condition = inner.this, inner.expression.this
    first = aggregate.expressions[0] if isinstance(aggregate, exp.Anonymous) else aggregate.this
    kept = exp.Case(ifs=[exp.If(this=condition, true=exp.Literal.number(1) if first is None or isinstance(first, exp.Star) else first.copy())])
    aggregate.set("expressions", [kept, *aggregate.expressions[1:]]) if isinstance(aggregate, exp.Anonymous) else aggregate.set("this", kept)
    node.set("this", aggregate)
    return node


def _joined_texts(node: Any) -> Any:
    """string_agg: `listagg ... within group`."""
    value, separator = node.this, node.args.get("separator") or exp.Literal.string(",")
    order = None
    if isinstance(separator, exp.Order):        # string_agg(x, ', ' order by y)
        separator, order = separator.this, exp.Order(expressions=separator.expressions)
    if isinstance(value, exp.Order):
        value, order = value.this, exp.Order(expressions=value.expressions)
    said = _call("listagg", value, separator)
    return exp.WithinGroup(this=said, expression=order) if order is not None else said


def _cast(node: Any) -> Any:
    to = node.to.this
    if to in (Type.STRUCT, Type.MAP):
        raise NoCounterpart("a cast to a nested type")
    if (apart := _taken_apart(node)) is not None:
        return apart
    if to == Type.TEXT and is_double(node.this):
        return _said(node.this)
    if to in INSTANTS:
        node.set("to", exp.DataType.build("timestamp", dialect="spark"))
    if to == Type.INT128:
        node.set("to", exp.DataType.build("decimal(38, 0)"))
    if to in WHOLE and has_type(node.this, Type.DECIMAL):
        node.set("this", _call("round", node.this))
    if to in WHOLE and is_double(node.this):
        node.set("this", _call("rint", node.this))
    return node


def _try_cast(node: Any) -> Any:
    kind, text = node.to.this, _as("string", node.this)
    if kind in WHOLE:
        return _spark("try_cast(round(try_cast(trim({0}) as decimal(38, 6))) as bigint)", text)
    if kind in (Type.DOUBLE, Type.DECIMAL):
        return _spark("case when not rlike({0}, '[dDfF]\\\\s*$') then try_cast({0} as {1}) end", text, node.to)
    if kind == Type.DATE or kind in INSTANTS:
        return _spark("case when rlike({0}, '^\\\\s*\\\\d+-\\\\d+-\\\\d+') then try_cast({0} as {1}) end", text, "date" if kind == Type.DATE else "timestamp")
    raise NoCounterpart(f"try_cast to {kind.value.lower()}")


def _joined(node: Any) -> Any:
    for side in ("this", "expression"):
        if is_double(node.args[side]):
            node.set(side, _said(node.args[side]))
    return node


def _divided(node: Any) -> Any:
    """Never whole, and a double."""
    return exp.Paren(this=exp.Div(this=_as("double", node.this), expression=_as("double", node.expression), typed=False, safe=False))


def _added(node: Any) -> Any:
    if has_type(node.this.unnest(), Type.DATE):
        if has_type(node.expression.unnest(), Type.DATE):
            node.type = exp.DataType.build("bigint")
            return _call("datediff", node.this, node.expression)
        if has_type(node.expression, *WHOLE) or (isinstance(node.expression, exp.Literal) and not node.expression.is_string):
            return _call("date_add" if isinstance(node, exp.Add) else "date_sub", node.this, _as("int", node.expression))
    return node


def _truncated(node: Any) -> Any:
    unit, value = (exp.Literal.string(node.args["unit"].name.lower()), node.this) if not isinstance(node, exp.Anonymous) else node.expressions
    said = _call("date_trunc", unit, value)
    return _as("date", said) if has_type(value, Type.DATE) else said


def _instant(node: Any) -> Any:
    return node if has_type(node, *INSTANTS) else _as("timestamp", node)


def _has_zone(node: Any) -> bool:
    while isinstance(node, exp.Paren) and not has_type(node, *INSTANTS):
        node = node.this
    return has_type(node, Type.TIMESTAMPTZ, Type.TIMESTAMPLTZ)


def _zoned(node: Any) -> Any:
    """An instant's clock in a zone, or the instant at which a zone's clock shows this."""
    is_instant = _has_zone(node.this)
    node.type = exp.DataType.build("timestamp" if is_instant else "timestamptz", dialect="duckdb")
    zone = node.args["zone"]
    if isinstance(zone, exp.Literal) and zone.name == "UTC":
        return exp.Paren(this=_instant(node.this))
    return _call("from_utc_timestamp" if is_instant else "to_utc_timestamp", _instant(node.this), zone)


def _borders(node: Any) -> Any:
    """How many borders of the unit lie between the two."""
    unit, (later, earlier) = node.args["unit"].name.lower(), (_instant(one) for one in (node.this, node.expression))
    if unit in ("second", "minute", "hour"):
        seconds = {"second": 1, "minute": 60, "hour": 3600}[unit]
        return _spark(f"(cast(floor(unix_seconds({{0}}) / {seconds}) as bigint) - cast(floor(unix_seconds({{1}}) / {seconds}) as bigint))", later, earlier)
    templates = {
        "day": "cast(datediff(cast({0} as date), cast({1} as date)) as bigint)",
        "week": "(datediff(trunc(cast({0} as date), 'week'), trunc(cast({1} as date), 'week')) div 7)",
        "month": "cast((year({0}) - year({1})) * 12 + month({0}) - month({1}) as bigint)",
        "year": "cast(year({0}) - year({1}) as bigint)",
    }
    if unit not in templates:
        raise NoCounterpart(f"date_diff of {unit}")
    return _raw(templates[unit], later, earlier)


def _raw(template: str, *nodes: Any) -> Any:
    """SQL that sqlglot had better not look into."""
    return exp.Paren(this=exp.Var(this=template.format(*(_text(node) for node in nodes))))


def _micros(node: Any) -> Any:
    inner = node.unnest()
    if isinstance(inner, exp.Sub):
        return _spark("(unix_micros({0}) - unix_micros({1}))", _instant(inner.this), _instant(inner.expression))
    return _call("unix_micros", _instant(node))


def _span(unit: str) -> Rule:
    return lambda node: _spark(f"make_dt_interval({UNIT_ARGUMENTS[unit]})", node.expressions[0])


def _interval(node: Any) -> Any:
    if isinstance(node.this, exp.Literal) or node.this is None:
        return node
    unit = node.args["unit"].name.lower().removesuffix("s")
    if unit in ("month", "year"):
        return _spark(f"make_ym_interval({'0, ' if unit == 'month' else ''}{{0}})", node.this)
    return _spark(f"make_dt_interval({UNIT_ARGUMENTS[unit]})", node.this)


def _series(node: Any) -> Any:
    """Nothing when the end is before the start, where Spark stops the statement."""
    start, end, step = node.args["start"], node.args["end"], node.args.get("step")
    if node.args.get("is_end_exclusive"):
        end = exp.Sub(this=end, expression=exp.Literal.number(1))
    return _spark(f"case when {{0}} <= {{1}} then sequence({{0}}, {{1}}{', {2}' if step is not None else ''}) end",
                  *(one for one in (start, end, step) if one is not None))


def _own_names(tree: Any) -> None:
    """sqlglot brings the steps inside of steps to the top: each under a name of its own. In place."""
    outer, number = tree.args.get("with_"), 0
    for whole in [one for one in tree.find_all(exp.With) if one is not outer]:
        for place, step in enumerate(whole.expressions):
            number += 1
            name = f"{step.alias}__{number}"
            for part in [*whole.expressions[place + 1:], *(one for key, one in whole.parent.args.items() if key != "with_")]:
                for node in part if isinstance(part, list) else [part]:
                    for table in list(node.find_all(exp.Table)) if isinstance(node, exp.Expr) else ():
                        if table.name == step.alias and not table.args.get("db"):
                            if not table.alias:
                                table.set("alias", exp.TableAlias(this=exp.to_identifier(step.alias)))
                            table.set("this", exp.to_identifier(name))
            step.args["alias"].set("this", exp.to_identifier(name))


def _taken_apart(node: Any) -> Any:
    """Spark's explode stands alone: what is done to each item is done to the list."""
    if isinstance(node.this, exp.Explode):
        return exp.Explode(this=exp.cast(node.this.this, exp.DataType(this=Type.ARRAY, expressions=[node.to], nested=True)))
    return None


def _prepare(select: Any, lookups: Lookups) -> None:
    """Windows by what they are instead of by their names, and ASOF joins."""
    named = {one.this.name: one for one in select.args.pop("windows", None) or []}
    for window in list(select.find_all(exp.Window)):
        alias = window.args.get("alias")
        if alias is not None and (meant := named.get(alias.name)) is not None:
            window.set("alias", None)
            for part in ("partition_by", "order", *(() if window.args.get("spec") else ("spec",))):
                value = meant.args.get(part)
                window.set(part, [one.copy() for one in value] if isinstance(value, list) else value.copy() if value is not None else None)
    asof_joins_by(_asof_join, select, lookups)


def _item(node: Any) -> Any:
    [part] = node.expressions if len(node.expressions) == 1 else [None]
    if not isinstance(part, exp.Slice):
        return _call("get", node.this, part)
    if part.expression is not None or not isinstance(part.this, exp.Literal) or has_type(node.this, Type.ARRAY, Type.LIST):
        raise NoCounterpart("a slice of this kind")
    return _call("substr", node.this, exp.Literal.number(int(part.this.name) + (1 if node.args.get("offset") == 0 else 0)))


def _ignoring_nulls(node: Any) -> Any:
    if isinstance(node.this, exp.AnyValue) and not isinstance(node.this.this, exp.Order):
        return _call("any_value", node.this.this, exp.true())
    if isinstance(node.this, (exp.LastValue, exp.FirstValue)):
        return _call("last_value" if isinstance(node.this, exp.LastValue) else "first_value", node.this.this, exp.true())
    raise NoCounterpart("ignore nulls")


def _rounded(node: Any) -> Any:
    digits = node.args.get("decimals") or exp.Literal.number(0)
    if has_type(node.this, Type.DECIMAL, *WHOLE):
        return _call("round", node.this, digits)
    said = "case when abs({0}) < 1e15D then sign({0}) * floor(abs({0}) * pow(10D, {1}) + 0.5D) / pow(10D, {1}) else {0} end"
    return _spark(said, _as("double", node.this), digits)


def _replaced(node: Any) -> Any:
    pattern, replacement = node.expression.name, node.args.get("replacement")
    if "g" not in (node.args["modifiers"].name if node.args.get("modifiers") else "") and pattern[:1] != "^" and pattern[-1:] != "$":
        raise NoCounterpart("regexp_replace of the first match alone")
    if replacement is not None and "\\" in replacement.name:
        raise NoCounterpart("regexp_replace with a part of what was found")
    return _call("regexp_replace", node.this, node.expression, replacement or exp.Literal.string(""))


def _percentile(node: Any) -> Any:
    return _call("percentile", _as("double", node.this), getattr(node, "expression", None) or exp.Literal.number("0.5"))


def _general(value: Any, digits: Any) -> Any:
    return _let(GENERAL, _as("double", value), digits, exp.Literal.number(int(digits.name) - 1))


def _agents(node: Any) -> Any:
    return _spark(AGENTS, *(_as("double", one) for one in node.expressions))


RULES: Mapping[type, Rule] = {
    exp.ArgMin: _picked, exp.ArgMax: _picked, exp.Filter: _filtered, exp.Cast: _cast, exp.TryCast: _try_cast, exp.DPipe: _joined, exp.Div: _divided,
    exp.IgnoreNulls: _ignoring_nulls, exp.First: _end, exp.Last: _end, exp.Bracket: _item, exp.Round: _rounded, exp.Window: _over,
    exp.Format: lambda node: printed(node, _general),
    exp.ArrayAgg: lambda node: node if isinstance(node.parent, exp.Filter) else _list(node), exp.GroupConcat: _joined_texts,
    exp.Add: _added, exp.Sub: _added, exp.AtTimeZone: _zoned, exp.TimestampTrunc: _truncated, exp.DateTrunc: _truncated, exp.DateDiff: _borders,
    exp.TimeToUnix: lambda node: _spark("(cast({0} as double) / 1000000D)", _micros(node.this)),
    exp.UnixToTime: lambda node: _call("unix_millis", _instant(node.this)),
    exp.TimeToStr: lambda node: _call("date_format", node.this, exp.Literal.string(formatted(node.args["format"].name, FORMATS, "'"))),
    exp.Interval: _interval, exp.GenerateSeries: _series, exp.RegexpReplace: _replaced,
    exp.RegexpExtract: lambda node: _call("regexp_extract", node.this, node.expression, node.args.get("group") or exp.Literal.number(0)),
    exp.RegexpFullMatch: lambda node: _call("rlike", node.this, exp.Literal.string(f"^(?:{node.expression.name})$")),
    exp.Contains: lambda node: _call("contains", node.this, node.expression),
    exp.ArrayContains: lambda node: _spark("case when {0} is not null and {1} is not null then coalesce(array_contains({0}, {1}), false) end",
                                           node.this, node.expression),
    exp.ArrayOverlaps: lambda node: _spark("case when {0} is not null and {1} is not null then coalesce(arrays_overlap({0}, {1}), false) end",
                                           node.this, node.expression),
    exp.ArraySort: _named("array_sort"), exp.Median: _percentile, exp.PercentileCont: _percentile,
    exp.DayOfWeekIso: lambda node: _spark("(weekday({0}) + 1)", node.this),
    exp.Trunc: lambda node: _spark("(sign({0}) * floor(abs({0})))", node.this),
}
BY_NAME: Mapping[str, Rule] = {
    "arg_min_null": _picked, "arg_max_null": _picked, "date_trunc": _truncated, "agents_needed": _agents,
    "epoch_us": lambda node: _micros(node.expressions[0]),
    "to_seconds": _span("second"), "to_minutes": _span("minute"), "to_hours": _span("hour"), "to_days": _span("day"), "to_microseconds": _span("microsecond"),
    "list_extract": lambda node: _spark("get({0}, {1} - 1)", *node.expressions),
    "list_position": lambda node: _spark("nullif(array_position({0}, {1}), 0)", *node.expressions),
    "to_json": lambda node: _spark("regexp_extract(to_json(array({0})), '(?s)^\\\\[(.*)\\\\]$', 1)", node.expressions[0]),
}
ENGINE = Engine(dialect="spark", rules=RULES, by_name=BY_NAME, unknown=NO_FUNCTIONS | {"json_transform"}, prepare=_prepare, finish=_own_names,
                are_steps_kept=False)
