"""What every engine's rewrites share: taking a tree apart rule by rule, and what is said by the tree alone, whatever the dialect."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

UNITS = {"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND"}
AGGREGATES_BY_NAME = {"arg_min_null", "arg_max_null"}
# Of flows/analysis/dbt_functions.py, and what stops a query.
NO_FUNCTIONS = frozenset({"control_limits", "project_verdict", "error"})

Rule = Callable[[Any], Any]
Lookups = list[tuple[str, tuple[str, ...]]]


class NoCounterpart(Exception):
    """The text names what cannot be said."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """dialect: sqlglot's name. rules, by_name: what becomes of a node of a type, of a function that sqlglot does not know. unknown: functions that have no
    counterpart. prepare: says the joins (ASOF) and what else belongs to a whole select, in place.
    finish: the last look at the whole statement, in place. are_steps_kept: whether `materialized` can be said of a step."""

    dialect: str
    rules: Mapping[type, Rule]
    by_name: Mapping[str, Rule]
    unknown: frozenset[str]
    prepare: Callable[[Any, Lookups], None]
    finish: Callable[[Any], None]
    are_steps_kept: bool


def functions(tree: Any, engine: Engine) -> Any:
    """Every expression below `tree` by its rule, in place. Raises NoCounterpart."""
    for node in reversed(list(tree.walk(bfs=True))):
        rule = engine.by_name.get(node.name.lower()) if isinstance(node, exp.Anonymous) else engine.rules.get(type(node))
        if rule is None and isinstance(node, exp.Anonymous) and node.name.lower() in engine.unknown:
            raise NoCounterpart(f"{node.name.lower()}() is no function of SQL")
        if rule is not None and (said := rule(node)) is not node:
            said.type = node.type
            node.replace(said)
    return tree


def before_names(tree: Any) -> None:
    """What would be lost when columns are looked up: a unit that is a column is none of sqlglot's words for units."""
    for node in list(tree.find_all(exp.TimestampTrunc, exp.DateTrunc)):
        unit = node.args.get("unit")
        if isinstance(unit, exp.Var) and unit.name.upper() not in UNITS:
            node.replace(exp.Anonymous(this="date_trunc", expressions=[exp.column(unit.name.lower()), node.this]))
        elif isinstance(unit, exp.Column):
            node.replace(exp.Anonymous(this="date_trunc", expressions=[unit, node.this]))


def group_by_all(select: Any) -> None:
    """`group by all`: by every column that no aggregate makes and that is not the same in every row."""
    group = select.args.get("group")
    if group is None or not group.args.get("all"):
        return
    by = [one.unalias() for one in select.expressions if not _is_aggregate(one) and one.find(exp.Column)]
    select.set("group", exp.Group(expressions=[one.copy() for one in by]) if by else None)


def _is_aggregate(node: Any) -> bool:
    return any(not isinstance(found.parent, exp.Window) or isinstance(found, exp.Anonymous) for found in node.find_all(exp.AggFunc)) or any(
        found.name.lower() in AGGREGATES_BY_NAME for found in node.find_all(exp.Anonymous))


def qualify_less(select: Any) -> None:
    """`qualify`: the condition is a column of a select inside, and asked of it outside. In place."""
    condition, names = select.args.pop("qualify").this, [one.alias_or_name for one in select.expressions]
    distinct = select.args.pop("distinct", None)        # of what was kept
    if select.args.get("limit") or (distinct is not None and distinct.args.get("on")):
        raise NoCounterpart("qualify beside limit or distinct on")
    inner = select.copy()
    inner.append("expressions", exp.alias_(condition.copy(), "is_kept_"))
    for part in list(select.args):
        select.set(part, None)
    select.set("distinct", distinct)
    select.set("expressions", [exp.column(name, table="kept_") for name in names])
    select.set("from_", exp.From(this=inner.subquery("kept_")))
    select.set("where", exp.Where(this=exp.column("is_kept_", table="kept_")))


@dataclass(frozen=True, kw_only=True)
class Asof:
    """A join to the one row of `table` that is nearest. instant: its column that decides, no further than `other`'s; is_latest: the last one before it,
    else the first one after. is_open: not at the same instant. conditions: all, as they were said. keys: columns of `table` that have to be equal."""

    table: Any
    conditions: list[Any]
    instant: Any
    other: Any
    is_latest: bool
    is_open: bool
    keys: tuple[str, ...]
    is_left: bool


def asof(join: Any) -> Asof | None:
    """None for a join of another kind. Raises NoCounterpart."""
    if str(join.args.get("method") or "").upper() != "ASOF":
        return None
    table, conditions = join.this, list(join.args["on"].flatten() if isinstance(join.args["on"], exp.And) else [join.args["on"]])
    alias = table.alias_or_name
    ways = [one for one in conditions if isinstance(one, (exp.GT, exp.GTE, exp.LT, exp.LTE))]
    if len(ways) != 1 or not isinstance(table, exp.Table):
        raise NoCounterpart("an ASOF join of another shape")
    [way] = ways
    is_right = isinstance(way.expression, exp.Column) and way.expression.table == alias
    instant, other = (way.expression, way.this) if is_right else (way.this, way.expression)
    return Asof(
        table=table, conditions=conditions, instant=instant, other=other, is_latest=isinstance(way, (exp.GT, exp.GTE)) is is_right,
        is_open=isinstance(way, (exp.GT, exp.LT)), is_left=str(join.args.get("side") or "").upper() == "LEFT",
        keys=tuple(side.name for one in conditions if isinstance(one, exp.EQ) for side in (one.this, one.expression)
                   if isinstance(side, exp.Column) and side.table == alias))


def asof_joins_by(say: Callable[[Any, Asof], Any], select: Any, lookups: Lookups) -> None:
    """Each ASOF join of a select, by the join that `say` makes of it. lookups: (table, columns) it has to find fast."""
    for join in select.args.get("joins") or []:
        if (found := asof(join)) is not None:
            lookups.append((found.table.name, (*found.keys, found.instant.name)))
            join.replace(say(join, found))


def has_type(node: Any, *kinds: Any) -> bool:
    return node.type is not None and node.type.this in kinds


def is_double(node: Any) -> bool:
    return has_type(node, exp.DataType.Type.DOUBLE, exp.DataType.Type.FLOAT)


def is_there(node: Any) -> Any:
    return exp.Not(this=exp.Is(this=node.copy(), expression=exp.null()))


def formatted(wanted: str, words: Mapping[str, str], quote: str) -> str:
    """strftime's format in another one's words, with `quote` around letters that mean themselves."""
    said, index = "", 0
    while index < len(wanted):
        if wanted[index] == "%":
            if wanted[index + 1] not in words:
                raise NoCounterpart(f"strftime of {wanted}")
            said += words[wanted[index + 1]]
            index += 2
        else:
            said += f"{quote}{wanted[index]}{quote}" if wanted[index].isalpha() else wanted[index]
            index += 1
    return said


def printed(node: Any, number: Callable[[Any, Any], Any]) -> Any:
    """format('{:.4g} of {:g}', a, b): one piece after the other; number: says a value with so many digits."""
    values, pieces = list(node.expressions), re.split(r"\{:(?:\.(\d+))?g\}", node.this.name)
    if not isinstance(node.this, exp.Literal) or any("{" in text for text in pieces[::2]) or len(pieces) != 2 * len(values) + 1:
        raise NoCounterpart(f"format of {node.this.name}")
    said: Any = exp.Literal.string(pieces[0])
    for value, digits, text in zip(values, pieces[1::2], pieces[2::2], strict=True):
        said = exp.DPipe(this=said, expression=number(value, exp.Literal.number(digits or 6)))
        said = exp.DPipe(this=said, expression=exp.Literal.string(text)) if text else said
    return exp.Paren(this=said)
