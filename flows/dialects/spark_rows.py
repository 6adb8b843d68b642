"""Rules for Spark that look at many rows, or at a whole select: aggregates, lists, windows, ASOF joins, steps inside of steps."""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp

from flows.dialects.rewrites import AGGREGATES_BY_NAME, Asof, Lookups, NoCounterpart, asof_joins_by, is_there


def spark_sql(template: str, *nodes: Any) -> Any:
    """Spark's SQL with nodes in it, as a node."""
    inside = [f"({text_of(node)})" if isinstance(node, (exp.Binary, exp.Unary, exp.Between)) else text_of(node) for node in nodes]
    return sqlglot.parse_one(template.format(*inside), dialect="spark")


def text_of(node: Any) -> str:
    return node if isinstance(node, str) else str(node.sql(dialect="spark", identify=True))


def call(name: str, *nodes: Any) -> Any:
    return exp.Anonymous(this=name, expressions=list(nodes))


def _asof_join(join: Any, found: Asof) -> Any:
    """Each row of the other table is the nearest until the next one comes: a join to the stretch in which it is."""
    alias, name = found.table.alias_or_name, found.instant.name
    window = exp.Window(this=call("lead" if found.is_latest else "lag", exp.column(name)), partition_by=[exp.column(key) for key in dict.fromkeys(found.keys)],
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
    return call("struct", *parts), desc


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
    return _where(call("max_by" if is_max else "min_by", value, by), conditions)


def end_of_order(node: Any) -> Any:
    """first and last of an order."""
    ordered = node.this if isinstance(node.this, exp.Order) else None
    found = _keys(list(ordered.expressions)) if ordered is not None else None
    if ordered is None or found is None:
        raise NoCounterpart("first or last without an order that goes one way")
    keys, desc = found
    return call("max_by" if isinstance(node, exp.Last) is not desc else "min_by", ordered.this, keys)


def picked(node: Any) -> Any:
    return node if isinstance(node.parent, exp.Filter) else _pick(node)


def filtered(node: Any) -> Any:
    inner = node.this
    if isinstance(inner, (exp.ArgMin, exp.ArgMax)) or (isinstance(inner, exp.Anonymous) and inner.name.lower() in AGGREGATES_BY_NAME):
        return _pick(inner, node.expression.this)
    if isinstance(inner, exp.ArrayAgg):
        return listed(inner, node.expression.this)
    return node


def listed(node: Any, where: Any = None) -> Any:
    """list(): with its nulls, in its order, and null of no rows."""
    ordered = list(node.this.expressions) if isinstance(node.this, exp.Order) else []
    value = node.this.this if ordered else node.this
    if isinstance(value, exp.Distinct):
        raise NoCounterpart("a list of distinct values")
    found = _keys(ordered) if ordered else (call("struct", exp.Literal.number(0)), False)
    if found is None:
        raise NoCounterpart("a list in an order that goes two ways")
    keys, desc = found
    pair = call("named_struct", exp.Literal.string("k"), keys, exp.Literal.string("v"), value)
    rows = _where(call("collect_list", pair), [where] if where is not None else [])
    if isinstance(node.parent, exp.Window):
        return rows
    in_order = "sort_array({0}, false)" if desc else "sort_array({0})" if ordered else "{0}"
    return spark_sql("nullif(transform(" + in_order + ", row_ -> row_.v), array())", rows)


def over(node: Any) -> Any:
    """Spark has no `filter` in windows, and no order there in which texts are joined; a list of a window keeps its nulls."""
    inner = node.this
    if isinstance(inner, exp.Anonymous) and inner.name == "collect_list":
        return spark_sql("transform({0}, row_ -> row_.v)", node)
    if isinstance(inner, exp.Anonymous) and inner.name == "listagg":
        value, separator = inner.expressions
        node.set("this", call("collect_list", value))
        return spark_sql("array_join(nullif({0}, array()), {1})", node, separator)
    if not isinstance(inner, exp.Filter):
        return node
    aggregate, condition = inner.this, inner.expression.this
    first = aggregate.expressions[0] if isinstance(aggregate, exp.Anonymous) else aggregate.this
    kept = exp.Case(ifs=[exp.If(this=condition, true=exp.Literal.number(1) if first is None or isinstance(first, exp.Star) else first.copy())])
    aggregate.set("expressions", [kept, *aggregate.expressions[1:]]) if isinstance(aggregate, exp.Anonymous) else aggregate.set("this", kept)
    node.set("this", aggregate)
    return node


def joined_texts(node: Any) -> Any:
    """string_agg: `listagg ... within group`."""
    value, separator = node.this, node.args.get("separator") or exp.Literal.string(",")
    order = None
    if isinstance(separator, exp.Order):        # string_agg(x, ', ' order by y)
        separator, order = separator.this, exp.Order(expressions=separator.expressions)
    if isinstance(value, exp.Order):
        value, order = value.this, exp.Order(expressions=value.expressions)
    said = call("listagg", value, separator)
    return exp.WithinGroup(this=said, expression=order) if order is not None else said


def own_names(tree: Any) -> None:
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


def prepare(select: Any, lookups: Lookups) -> None:
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
