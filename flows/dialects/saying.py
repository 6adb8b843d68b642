"""One model's SQL, as dbt compiled it for DuckDB, said so that another engine answers the same.

sqlglot knows the two grammars; what it leaves as it is, or takes to mean something else, is said here: columns by name instead of by `*`, `union by
name` and `group by all`, ASOF joins, `arg_min` and its kin, lambdas, and functions that the engine lacks or that round, cut or print otherwise
(postgres_functions.py and spark_functions.py have those, under names that begin with `meridian_`).

Every step of a model is looked at on its own, from the top, with the columns and types that DuckDB itself says the steps before it have.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from flows.dialects import rewrites
from flows.dialects.rewrites import Engine, Lookups

Columns = Mapping[str, str]         # name -> DuckDB's type

logging.getLogger("sqlglot").setLevel(logging.ERROR)       # its remarks on one dialect are no news to whoever builds


class Untold(Exception):
    """This SQL has no counterpart in the engine that we know of; the text names what in it."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """sql: a select, tables without a schema. parents: the tables it reads. lookups: (table, columns) of ASOF joins that want an index."""

    sql: str
    parents: tuple[str, ...]
    lookups: tuple[tuple[str, tuple[str, ...]], ...]


def say(sql: str, *, engine: Engine, tables: Mapping[str, Columns], describe: Callable[[str], Columns]) -> Said:
    """sql: what dbt compiled. tables: those it may read. describe: what a select of DuckDB answers, its columns in order.

    Raises Untold.
    """
    try:
        tree = sqlglot.parse_one(sql, dialect="duckdb")
    except sqlglot.errors.SqlglotError as error:
        raise Untold(str(error).splitlines()[0]) from None
    rewrites.before_names(tree)
    known = {name: dict(columns) for name, columns in tables.items()}
    whole = tree.args.get("with_")
    is_recursive = whole is not None and bool(whole.args.get("recursive"))
    asked = _columns_of_steps(tree, describe)
    for table in tree.find_all(exp.Table):
        if table.args.get("db"):
            table.set("db", None)
            table.set("catalog", None)
    steps = list(whole.expressions) if whole is not None else []
    imports = {step.alias: imported for step in steps if (imported := _imported(step.this))}
    parents = tuple(sorted({table.name for table in tree.find_all(exp.Table)} - {step.alias for step in steps} | set(imports.values())))
    known |= asked
    for step in steps:
        if is_recursive and any(one.name == step.alias for one in step.this.find_all(exp.Table)):
            step.args["alias"].set("columns", [exp.to_identifier(name) for name in known[step.alias]])
    lookups: Lookups = []
    for step in steps:
        step.set("this", _step(step.this, known, known[step.alias], lookups, engine))
        # PostgreSQL would work out a step for each row that it is compared with, or keep a whole table aside instead of asking its index
        if engine.are_steps_kept and not is_recursive:
            step.set("materialized", step.alias not in imports)
    body = tree.copy()
    body.set("with_", None)
    last = _step(body, known, describe(sql), lookups, engine)
    if whole is not None:
        last.set("with_", whole)
    engine.finish(last)
    try:
        text = last.sql(dialect=engine.dialect, identify=True, unsupported_level=sqlglot.ErrorLevel.RAISE)
    except sqlglot.errors.UnsupportedError as error:
        raise Untold(str(error).splitlines()[0]) from None
    return Said(sql=text, parents=parents, lookups=tuple((imports.get(table, table), columns) for table, columns in lookups))


def _columns_of_steps(tree: Any, describe: Callable[[str], Columns]) -> dict[str, dict[str, str]]:
    """What each step answers, as DuckDB says it."""
    whole = tree.args.get("with_")
    found, said = {}, list[str]()
    for step in whole.expressions if whole is not None else ():
        said.append(step.sql(dialect="duckdb"))
        steps = f"with {'recursive ' if whole.args.get('recursive') else ''}{', '.join(said)}"
        found[step.alias] = dict(describe(f"{steps} select * from {step.args['alias'].this.sql(dialect='duckdb')}"))
    return found


def _imported(select: Any) -> str | None:
    """The table of an import step: `select * from table`."""
    if isinstance(select, exp.Select) and not any(select.args.get(part) for part in ("joins", "where", "group")) and (found := select.args.get("from_")):
        return str(found.this.name) if isinstance(found.this, exp.Table) else None
    return None


def _step(select: Any, known: Mapping[str, Columns], columns: Columns, lookups: Lookups, engine: Engine) -> Any:
    """One select, with columns by their names: those of `columns`, in this order."""
    read = {table.name for table in select.find_all(exp.Table)}
    schema: dict[str, object] = {table: {column: _kind(kind) for column, kind in known[table].items()} for table in read if table in known}
    try:
        named = qualify(select, schema=schema, dialect="duckdb", validate_qualify_columns=False, quote_identifiers=False)
        annotate_types(named, schema=schema, dialect="duckdb")
    except sqlglot.errors.SqlglotError as error:
        raise Untold(str(error).splitlines()[0]) from None
    _in_order(named, columns)
    for union in [one for one in named.find_all(exp.SetOperation) if one.args.get("by_name")]:
        union.set("by_name", False)
    for scope in traverse_scope(named):
        if isinstance(scope.expression, exp.Select):
            rewrites.group_by_all(scope.expression)
            engine.prepare(scope.expression, lookups)
    try:
        for one in [found for found in named.find_all(exp.Select) if found.args.get("qualify")]:
            rewrites.qualify_less(one)
        return rewrites.functions(named, engine)
    except rewrites.NoCounterpart as error:
        raise Untold(str(error)) from None


def _kind(kind: str) -> str:
    return "VARCHAR" if kind == "JSON" else kind


def _in_order(query: Any, columns: Columns) -> None:
    """Where one side of a `union by name` lacks a column or has it elsewhere, it says null there, or says it here."""
    if isinstance(query, exp.SetOperation):
        is_by_name = query.args.get("by_name") or any(one.args.get("by_name") for one in query.find_all(exp.SetOperation))
        if is_by_name:
            _in_order(query.left, columns)
            _in_order(query.right, columns)
        return
    if isinstance(query, exp.Subquery):
        return _in_order(query.this, columns)
    if isinstance(query, exp.Select) and query.parent and isinstance(query.parent, (exp.SetOperation, exp.Subquery)):
        there = {one.alias_or_name: one for one in query.expressions}
        if unknown := set(there) - set(columns):
            raise Untold(f"a union by name in which {', '.join(sorted(unknown))} gets lost")
        query.set("expressions", [
            there.get(name) or exp.alias_(exp.cast(exp.null(), _kind(kind), dialect="duckdb"), name) for name, kind in columns.items()])
