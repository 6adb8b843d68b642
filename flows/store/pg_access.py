"""Who sees what of the marts in PostgreSQL: one role that reads everything, and roles that see a part of the rows.

A role with a part gets tables that have a column to filter by, what explains them, and the tables that its setting names; nothing else, for a table
without such a column would show everybody's rows. The filter is a restrictive policy ("CREATE POLICY", restrictive): whatever else its members are granted,
they see no more. Everybody else who has been granted a table sees all of it, and grants that others made stay as they are.

A policy wants its table for itself for a moment, so it is made again only when what it says has changed; its comment holds the fingerprint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import sqlalchemy as sql

from flows.store.checksums import literal, quoted
from flows.store.pg import PostgresError, run
from flows.store.pg import rows as rows_of
from flows.store.postgres_options import Postgres, Rows

EXPLAINING = ("kpi_catalogue", "meridian_version")
POLICY, EVERYBODY = "meridian_rows", "meridian_everybody"

Attempt = Callable[[Callable[[], None]], None]
"""Runs what it is given in a transaction of its own."""


def check_roles(connection: sql.Connection, options: Postgres) -> None:
    """Make the roles that are missing, without the right to log in: people's own users become members. Raises PostgresError where we may not."""
    known = {row[0] for row in rows_of(connection, "select rolname from pg_roles")}
    for role in (options.reader, *options.rows):
        if role in known:
            continue
        may = rows_of(connection, "select rolcreaterole or rolsuper from pg_roles where rolname = current_user")[0][0]
        if not may:
            raise PostgresError(f"there is no role {role}, and we may not make one: let somebody who may run `create role {role}`")
        run(connection, f"create role {quoted(role)} nologin")


def columns_by_table(connection: sql.Connection, schema: str) -> dict[str, list[tuple[str, str]]]:
    """table -> (column, type) in their order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in rows_of(connection, f"""
            select relname, attname, format_type(atttypid, atttypmod) from pg_class
            join pg_namespace on pg_namespace.oid = relnamespace join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
            where nspname = {literal(schema)} and relkind = 'r' order by relname, attnum"""):
        found.setdefault(table, []).append((column, kind))
    return found


def keys_by_table(connection: sql.Connection, schema: str) -> dict[str, str]:
    """table -> its primary key, as PostgreSQL writes it."""
    return dict(map(tuple, rows_of(connection, f"""
        select relname, pg_get_constraintdef(pg_constraint.oid) from pg_constraint join pg_class on pg_class.oid = conrelid
        where contype = 'p' and connamespace in (select oid from pg_namespace where nspname = {literal(schema)})""")))


def secure(connection: sql.Connection, schema: str, options: Postgres, attempt: Attempt) -> None:
    """Grants and policies of every table of a schema, as the settings say; nothing where there is no such schema."""
    with connection.begin():
        tables = {table: [column for column, _ in columns] for table, columns in columns_by_table(connection, schema).items()}
        before = _policies(connection, schema)
    _secure(connection, schema, options, attempt, tables, before)


def secure_new(connection: sql.Connection, schema: str, options: Postgres) -> None:
    """The same within the caller's transaction: of tables that nobody can see yet."""
    tables = {table: [column for column, _ in columns] for table, columns in columns_by_table(connection, schema).items()}
    _secure(connection, schema, options, lambda act: act(), tables, _policies(connection, schema))


def _secure(
    connection: sql.Connection, schema: str, options: Postgres, attempt: Attempt, tables: Mapping[str, Sequence[str]],
    before: Mapping[str, tuple[str, Sequence[str]]],
) -> None:
    if not tables:
        return
    for table, columns in tables.items():
        wanted = {role: clause for role, rows in options.rows.items() if (clause := clause_of(columns, rows)) and table not in rows.tables}
        told = hashlib.sha256(repr(sorted(wanted.items())).encode()).hexdigest()[:16] if wanted else ""
        marked, former = before.get(table, ("", []))
        if told != marked:
            def change(table: str = table, wanted: Mapping[str, str] = wanted, told: str = told, former: Sequence[str] = former) -> None:
                _filter(connection, f"{quoted(schema)}.{quoted(table)}", wanted, told)
                for role in set(former) - set(options.rows):
                    run(connection, f"revoke select on {quoted(schema)}.{quoted(table)} from {quoted(role)}")

            attempt(change)
    attempt(lambda: _grant(connection, schema, options, tables))


def clause_of(columns: Sequence[str], rows: Rows) -> str:
    """SQL that is true of the rows that `rows` lets through; '' where the table has nothing to tell by."""
    def one_of(values: Sequence[str]) -> str:
        return f"({', '.join(map(literal, values))})"

    if {"segment_type", "segment"} <= set(columns):
        parts = [f"segment_type = {literal(name)} and segment in {one_of(values)}" for name, values in rows.values.items()]
        return " or ".join([*parts, *(["segment_type = 'all'"] if rows.all else [])])
    return " and ".join(f"{quoted(name)} in {one_of(values)}" for name, values in rows.values.items() if name in columns)


def _policies(connection: sql.Connection, schema: str) -> dict[str, tuple[str, list[str]]]:
    found = rows_of(connection, f"""
        select relname, coalesce(obj_description(pg_policy.oid, 'pg_policy'), ''),
            array_to_string(array(select rolname from pg_roles where oid = any(polroles)), ' ')
        from pg_policy join pg_class on pg_class.oid = polrelid join pg_namespace on pg_namespace.oid = relnamespace
        where nspname = {literal(schema)} and polname = {literal(POLICY)}""")
    return {table: (told, roles.split()) for table, told, roles in found}


def _filter(connection: sql.Connection, name: str, wanted: Mapping[str, str], told: str) -> None:
    run(connection, f"drop policy if exists {POLICY} on {name}")
    run(connection, f"drop policy if exists {EVERYBODY} on {name}")
    if not wanted:
        run(connection, f"alter table {name} disable row level security")
        return
    run(connection, f"alter table {name} enable row level security")
    run(connection, f"create policy {EVERYBODY} on {name} for select using (true)")
    # asked once a statement, not once a row, because it is a query of its own
    parts = [f"((select pg_has_role(current_user, {literal(role)}, 'usage')) and ({clause}))" for role, clause in sorted(wanted.items())]
    run(connection, f"create policy {POLICY} on {name} as restrictive for select to {', '.join(map(quoted, sorted(wanted)))} using ({' or '.join(parts)})")
    run(connection, f"comment on policy {POLICY} on {name} is {literal(told)}")


def _grant(connection: sql.Connection, schema: str, options: Postgres, tables: Mapping[str, Sequence[str]]) -> None:
    run(connection, f"grant usage on schema {quoted(schema)} to {', '.join(map(quoted, (options.reader, *options.rows)))}")
    run(connection, f"grant select on all tables in schema {quoted(schema)} to {quoted(options.reader)}")
    for role, rows in options.rows.items():
        seen = [table for table, columns in tables.items() if table in (*EXPLAINING, *rows.tables) or clause_of(columns, rows)]
        for table in tables:
            verb, word = ("grant", "to") if table in seen else ("revoke", "from")
            run(connection, f"{verb} select on {quoted(schema)}.{quoted(table)} {word} {quoted(role)}")
