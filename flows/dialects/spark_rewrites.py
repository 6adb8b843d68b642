"""What of DuckDB's SQL sqlglot does not say in Spark's, or says otherwise than DuckDB means it. Each rule takes a node and gives its counterpart.

Spark runs with `ansi.enabled`: what would overflow, divide by nothing or not be readable stops the statement instead of becoming null unseen. Instants
are `timestamp` in a session of UTC, whether DuckDB has a zone with them or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from flows.dialects.rewrites import (
    NO_FUNCTIONS,
    Engine,
    NoCounterpart,
    Rule,
    formatted,
    has_type,
    is_double,
    printed,
)
from flows.dialects.spark_functions import AGENTS, GENERAL, TEXT
from flows.dialects.spark_json import WHOLE as WHOLE_IN_TEXT
from flows.dialects.spark_json import (
    field_as_json,
    has_field,
    list_in_json,
    part_of_struct,
    read_by_formats,
    sum_of_list,
    taken_apart,
    text_as_json,
    text_in_json,
)
from flows.dialects.spark_rows import call, end_of_order, filtered, joined_texts, listed, over, own_names, picked, prepare, spark_sql, text_of

Type = exp.DataType.Type
FORMATS = {"Y": "yyyy", "m": "MM", "d": "dd", "H": "HH", "M": "mm", "S": "ss", "a": "EEE"}
INSTANTS = (Type.TIMESTAMP, Type.TIMESTAMPNTZ, Type.TIMESTAMPTZ, Type.TIMESTAMPLTZ, Type.DATETIME)
WHOLE = (Type.INT, Type.BIGINT, Type.SMALLINT, Type.TINYINT, Type.INT128, Type.UINT, Type.UBIGINT)
UNIT_ARGUMENTS = {"day": "{0}", "hour": "0, {0}", "minute": "0, 0, {0}", "second": "0, 0, 0, cast({0} as decimal(18, 6))",
                  "microsecond": "0, 0, 0, cast(cast({0} as decimal(24, 0)) * 0.000001 as decimal(18, 6))"}
# Without a zone, what the text says of one counts for nothing.
WITHOUT_ZONE = "cast(try_cast({0} as timestamp_ntz) as timestamp)"
READ_AS = {Type.DATE: "try_cast({0} as date)", Type.TIMESTAMP: WITHOUT_ZONE, Type.TIMESTAMPNTZ: WITHOUT_ZONE}


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


def _let(template: str, value: Any, *more: Any) -> Any:
    """A template that needs its value often: it is worked out once."""
    return spark_sql("get(transform(array({0}), x_ -> " + template.replace("{0}", "x_") + "), 0)", value, *more)


def _named(name: str) -> Rule:
    return lambda node: call(name, *(node.expressions if isinstance(node, exp.Anonymous) else [node.this]))


def _as(kind: str, node: Any) -> Any:
    return exp.cast(node, exp.DataType.build(kind, dialect="spark"))


def _said(node: Any) -> Any:
    return _let(TEXT, _as("double", node))


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
        node.set("this", call("round", node.this))
    if to in WHOLE and is_double(node.this):
        node.set("this", call("rint", node.this))
    return node


def _try_cast(node: Any) -> Any:
    kind, text = node.to.this, _as("string", node.this)
    if kind in WHOLE and is_double(node.this):
        return spark_sql("try_cast(rint({0}) as bigint)", node.this)
    if kind in WHOLE:
        return spark_sql(WHOLE_IN_TEXT.format("{0}", "bigint"), text)
    if kind in (Type.DOUBLE, Type.DECIMAL):
        return spark_sql("case when not rlike({0}, '[dDfF]\\\\s*$') then try_cast({0} as {1}) end", text, node.to)
    if kind == Type.DATE or kind in INSTANTS:
        return spark_sql("case when rlike({0}, '^\\\\s*\\\\d+-\\\\d+-\\\\d+') then " + READ_AS.get(kind, "try_cast({0} as timestamp)") + " end", text)
    if kind == Type.BOOLEAN:
        return node
    if kind == Type.JSON:
        return text_as_json(node.this)
    if kind == Type.ARRAY and node.to.expressions[0].this in (Type.TEXT, *WHOLE):
        return list_in_json(text, node.to.expressions[0])
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
            return call("datediff", node.this, node.expression)
        if has_type(node.expression, *WHOLE) or (isinstance(node.expression, exp.Literal) and not node.expression.is_string):
            return call("date_add" if isinstance(node, exp.Add) else "date_sub", node.this, _as("int", node.expression))
    return node


def _truncated(node: Any) -> Any:
    unit, value = (exp.Literal.string(node.args["unit"].name.lower()), node.this) if not isinstance(node, exp.Anonymous) else node.expressions
    said = call("date_trunc", unit, value)
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
    return call("from_utc_timestamp" if is_instant else "to_utc_timestamp", _instant(node.this), zone)


def _borders(node: Any) -> Any:
    """How many borders of the unit lie between the two."""
    unit, (later, earlier) = node.args["unit"].name.lower(), (_instant(one) for one in (node.this, node.expression))
    if unit in ("second", "minute", "hour"):
        seconds = {"second": 1, "minute": 60, "hour": 3600}[unit]
        return spark_sql(f"(cast(floor(unix_seconds({{0}}) / {seconds}) as bigint) - cast(floor(unix_seconds({{1}}) / {seconds}) as bigint))", later, earlier)
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
    return exp.Paren(this=exp.Var(this=template.format(*(text_of(node) for node in nodes))))


def _micros(node: Any) -> Any:
    inner = node.unnest()
    if isinstance(inner, exp.Sub):
        return spark_sql("(unix_micros({0}) - unix_micros({1}))", _instant(inner.this), _instant(inner.expression))
    return call("unix_micros", _instant(node))


def _span(unit: str) -> Rule:
    return lambda node: spark_sql(f"make_dt_interval({UNIT_ARGUMENTS[unit]})", node.expressions[0])


def _interval(node: Any) -> Any:
    if isinstance(node.this, exp.Literal) or node.this is None:
        return node
    unit = node.args["unit"].name.lower().removesuffix("s")
    if unit in ("month", "year"):
        return spark_sql(f"make_ym_interval({'0, ' if unit == 'month' else ''}{{0}})", node.this)
    return spark_sql(f"make_dt_interval({UNIT_ARGUMENTS[unit]})", node.this)


def _series(node: Any) -> Any:
    """Nothing when the end is before the start, where Spark stops the statement."""
    start, end, step = node.args["start"], node.args["end"], node.args.get("step")
    if node.args.get("is_end_exclusive"):
        end = exp.Sub(this=end, expression=exp.Literal.number(1))
    return spark_sql(f"case when {{0}} <= {{1}} then sequence({{0}}, {{1}}{', {2}' if step is not None else ''}) end",
                  *(one for one in (start, end, step) if one is not None))


def _taken_apart(node: Any) -> Any:
    """Spark's explode stands alone: what is done to each item is done to the list."""
    if isinstance(node.this, exp.Explode):
        return exp.Explode(this=exp.cast(node.this.this, exp.DataType(this=Type.ARRAY, expressions=[node.to], nested=True)))
    return None


def _item(node: Any) -> Any:
    [part] = node.expressions if len(node.expressions) == 1 else [None]
    if not isinstance(part, exp.Slice):
        return call("get", node.this, part)
    if part.expression is not None or not isinstance(part.this, exp.Literal) or has_type(node.this, Type.ARRAY, Type.LIST):
        raise NoCounterpart("a slice of this kind")
    return call("substr", node.this, exp.Literal.number(int(part.this.name) + (1 if node.args.get("offset") == 0 else 0)))


def _ignoring_nulls(node: Any) -> Any:
    if isinstance(node.this, exp.AnyValue) and not isinstance(node.this.this, exp.Order):
        return call("any_value", node.this.this, exp.true())
    if isinstance(node.this, (exp.LastValue, exp.FirstValue)):
        return call("last_value" if isinstance(node.this, exp.LastValue) else "first_value", node.this.this, exp.true())
    raise NoCounterpart("ignore nulls")


def _rounded(node: Any) -> Any:
    digits = node.args.get("decimals") or exp.Literal.number(0)
    if has_type(node.this, Type.DECIMAL, *WHOLE):
        return call("round", node.this, digits)
    said = "case when abs({0}) < 1e15D then sign({0}) * floor(abs({0}) * pow(10D, {1}) + 0.5D) / pow(10D, {1}) else {0} end"
    return spark_sql(said, _as("double", node.this), digits)


def _replaced(node: Any) -> Any:
    pattern, replacement = node.expression.name, node.args.get("replacement")
    if "g" not in (node.args["modifiers"].name if node.args.get("modifiers") else "") and pattern[:1] != "^" and pattern[-1:] != "$":
        raise NoCounterpart("regexp_replace of the first match alone")
    if replacement is not None and "\\" in replacement.name:
        raise NoCounterpart("regexp_replace with a part of what was found")
    return call("regexp_replace", node.this, node.expression, replacement or exp.Literal.string(""))


def _percentile(node: Any) -> Any:
    return call("percentile", _as("double", node.this), getattr(node, "expression", None) or exp.Literal.number("0.5"))


def _general(value: Any, digits: Any) -> Any:
    return _let(GENERAL, _as("double", value), digits, exp.Literal.number(int(digits.name) - 1))


def _agents(node: Any) -> Any:
    return spark_sql(AGENTS, *(_as("double", one) for one in node.expressions))


RULES: Mapping[type, Rule] = {
    exp.ArgMin: picked, exp.ArgMax: picked, exp.Filter: filtered, exp.Cast: _cast, exp.TryCast: _try_cast, exp.DPipe: _joined, exp.Div: _divided,
    exp.IgnoreNulls: _ignoring_nulls, exp.First: end_of_order, exp.Last: end_of_order, exp.Bracket: _item, exp.Round: _rounded, exp.Window: over,
    exp.Format: lambda node: printed(node, _general),
    exp.ArrayAgg: lambda node: node if isinstance(node.parent, exp.Filter) else listed(node), exp.GroupConcat: joined_texts,
    exp.Add: _added, exp.Sub: _added, exp.AtTimeZone: _zoned, exp.TimestampTrunc: _truncated, exp.DateTrunc: _truncated, exp.DateDiff: _borders,
    exp.TimeToUnix: lambda node: spark_sql("(cast({0} as double) / 1000000D)", _micros(node.this)),
    exp.UnixToTime: lambda node: call("unix_millis", _instant(node.this)) if node.args.get("scale") else call("timestamp_seconds", node.this),
    exp.StructExtract: part_of_struct, exp.JSONExtract: field_as_json, exp.JSONExtractScalar: text_in_json,
    exp.TimeToStr: lambda node: call("date_format", node.this, exp.Literal.string(formatted(node.args["format"].name, FORMATS, "'"))),
    exp.Interval: _interval, exp.GenerateSeries: _series, exp.RegexpReplace: _replaced,
    exp.RegexpExtract: lambda node: call("regexp_extract", node.this, node.expression, node.args.get("group") or exp.Literal.number(0)),
    exp.RegexpFullMatch: lambda node: call("rlike", node.this, exp.Literal.string(f"^(?:{node.expression.name})$")),
    exp.Contains: lambda node: call("contains", node.this, node.expression),
    exp.ArrayContains: lambda node: spark_sql("case when {0} is not null and {1} is not null then coalesce(array_contains({0}, {1}), false) end",
                                           node.this, node.expression),
    exp.ArrayOverlaps: lambda node: spark_sql("case when {0} is not null and {1} is not null then coalesce(arrays_overlap({0}, {1}), false) end",
                                           node.this, node.expression),
    exp.ArraySort: _named("array_sort"), exp.Median: _percentile, exp.PercentileCont: _percentile,
    exp.DayOfWeekIso: lambda node: spark_sql("(weekday({0}) + 1)", node.this),
    exp.Trunc: lambda node: spark_sql("(sign({0}) * floor(abs({0})))", node.this),
}
BY_NAME: Mapping[str, Rule] = {
    "json_transform": taken_apart, "struct_extract": part_of_struct, "json_exists": has_field, "try_strptime": read_by_formats, "list_sum": sum_of_list,
    "arg_min_null": picked, "arg_max_null": picked, "date_trunc": _truncated, "agents_needed": _agents,
    "epoch_us": lambda node: _micros(node.expressions[0]),
    "to_seconds": _span("second"), "to_minutes": _span("minute"), "to_hours": _span("hour"), "to_days": _span("day"), "to_microseconds": _span("microsecond"),
    "list_extract": lambda node: spark_sql("get({0}, {1} - 1)", *node.expressions),
    "list_position": lambda node: spark_sql("nullif(array_position({0}, {1}), 0)", *node.expressions),
    "to_json": lambda node: spark_sql("regexp_extract(to_json(array({0})), '(?s)^\\\\[(.*)\\\\]$', 1)", node.expressions[0]),
}
ENGINE = Engine(dialect="spark", rules=RULES, by_name=BY_NAME, unknown=NO_FUNCTIONS, prepare=prepare, finish=own_names,
                are_steps_kept=False)
