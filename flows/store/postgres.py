"""The current version in PostgreSQL, too: loaded aside, then put in place in one transaction.

    marts                    what BI tools read: the same tables night after night, so grants, views and models that people built on them stay
    marts_2026_11_01_001     each of the last versions, to be read by name; a rollback takes its rows from there

Rows are exchanged within the tables, not tables by renaming their schema. That was tried: over 300 renames 4 of 90,000 statements that join two tables read one
of each version (names are looked up one by one), a REPEATABLE READ transaction found the second table empty, and every view of a reader's own stayed
with the old version. Rows exchanged in one transaction are seen by a statement all or not at all ("Transaction Isolation"), by a REPEATABLE READ
transaction not before it ends, and no reader waits for it. A table is taken away from readers only where its columns have changed.

What PostgreSQL has is compared with `current`, so a process killed anywhere, a rollback and a night without PostgreSQL are made good by the next `follow`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sql

from flows.store import pg_access, pg_load
from flows.store.candidate import Step, no_step
from flows.store.checksums import literal, quoted
from flows.store.pg import IN_USE, LOCK_TIMEOUT, STILL_NEEDED, PostgresError, connected, patiently, refusal, rows, run
from flows.store.postgres_options import Postgres
from flows.store.versions import Version

VERSION_TABLE = "meridian_version"
BEING_MADE = "meridian_being_made_"


@dataclass(frozen=True, kw_only=True)
class Followed:
    """before: the version that PostgreSQL had; kept: the versions that can be read by name, oldest first; remarks: what could not be tidied."""

    version: str
    before: str | None
    kept: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def schema_of(options: Postgres, version: str) -> str:
    """'2026-11-01.001' -> 'marts_2026_11_01_001'."""
    return f"{options.schema_name}_{re.sub('[-.]', '_', version)}"


def standing(address: str, options: Postgres) -> str | None:
    """The version that readers of PostgreSQL have; None before the first. Raises PostgresError."""
    with connected(address, tls_ca=options.tls_ca, allow_plain=options.allow_plain) as connection:
        return _standing(connection, options)


def follow(address: str, options: Postgres, version: Version, *, mask: pg_load.Mask | None, sleep: Callable[[float], None] = time.sleep,
           step: Step = no_step) -> Followed:
    """Bring PostgreSQL to `version`, and access to what the settings say. Does nothing more where that is so already. Raises PostgresError."""
    with connected(address, tls_ca=options.tls_ca, allow_plain=options.allow_plain) as connection:
        attempt = partial(patiently, connection, patience=options.patience_seconds, sleep=sleep)
        # one publisher at a time; PostgreSQL lets go of this when our session ends, however it ends
        alone = f"select pg_advisory_lock(hashtext({literal('meridian ' + options.schema_name)}))"
        attempt(partial(run, connection, alone), what="another publication to it is running")
        attempt(lambda: pg_access.check_roles(connection, options))
        told, source = pg_load.comment_of(version, mask), schema_of(options, version.name)
        for schema, comment in _schemas(connection, options).items():
            if schema != options.schema_name and comment.rpartition(", ")[2] != told.rpartition(", ")[2]:
                attempt(partial(_drop_schema, connection, schema))      # people are to be shown otherwise now
            else:
                pg_access.secure(connection, schema, options, attempt)
        step("access as set")
        before = _standing(connection, options)
        if source not in _schemas(connection, options):
            with connection.begin():
                pg_load.load(connection, version, source, mask=mask, step=step)
                pg_access.secure_new(connection, source, options)
            step("loaded")
        if _schemas(connection, options).get(options.schema_name) != told:
            make_room(connection, options, source, attempt)
            step("room made")
            attempt(lambda: exchange(connection, options, source, version, told, step))
            step("exchanged")
            _vacuum(connection, options)
        remarks = _prune(connection, options, version.name, step)
        return Followed(version=version.name, before=before, kept=tuple(_versions(connection, options)), remarks=tuple(remarks))


def _standing(connection: sql.Connection, options: Postgres) -> str | None:
    with connection.begin():
        table = f"{quoted(options.schema_name)}.{VERSION_TABLE}"
        if rows(connection, f"select to_regclass({literal(table)})")[0][0] is None:
            return None
        return next((str(row[0]) for row in rows(connection, f"select version from {table}")), None)


def _schemas(connection: sql.Connection, options: Postgres) -> dict[str, str]:
    """schema -> what its comment says, of those that hold a version: the one that readers know, and those by name, oldest first."""
    with connection.begin():
        found = rows(connection, "select nspname, obj_description(oid, 'pg_namespace') from pg_namespace order by length(nspname), nspname")
    return {schema: comment for schema, comment in found
            if (version := _version_in(comment)) and schema in (options.schema_name, schema_of(options, version))}


def _version_in(comment: str | None) -> str | None:
    match = re.match(r"Marts, version (\d{4}-\d\d-\d\d\.\d{3,}),", comment or "")
    return match and match[1]


def _versions(connection: sql.Connection, options: Postgres) -> dict[str, str]:
    """version -> the schema that holds it by name, oldest first."""
    return {str(_version_in(comment)): schema for schema, comment in _schemas(connection, options).items() if schema != options.schema_name}


def _columns(connection: sql.Connection, schema: str) -> dict[str, list[tuple[str, str]]]:
    with connection.begin():
        return pg_access.columns_by_table(connection, schema)


def make_room(connection: sql.Connection, options: Postgres, source: str, attempt: pg_access.Attempt) -> None:
    """Columns that a table gets at its end are there before its rows are exchanged: empty for a moment, but nobody is kept waiting while rows are written."""
    live, wanted = _columns(connection, options.schema_name), _columns(connection, source)
    for table, columns in wanted.items():
        there = live.get(table)
        if there and there != columns and columns[:len(there)] == there:
            added = ", ".join(f"add column {quoted(column)} {kind}" for column, kind in columns[len(there):])
            attempt(partial(run, connection, f"alter table {quoted(options.schema_name)}.{quoted(table)} {added}"))


def exchange(connection: sql.Connection, options: Postgres, source: str, version: Version, told: str, step: Step) -> None:
    """All tables of `source` into the schema that readers know, within the caller's transaction. told: what its comment says from now on."""
    schema = options.schema_name
    run(connection, f"create schema if not exists {quoted(schema)}")
    live, wanted = pg_access.columns_by_table(connection, schema), pg_access.columns_by_table(connection, source)
    live_keys, keys = pg_access.keys_by_table(connection, schema), pg_access.keys_by_table(connection, source)
    made = []
    for table, columns in wanted.items():
        if live.get(table) == columns and live_keys.get(table) == keys.get(table):
            has_key = bool(version.tables.get(table, {}).get("primary_key"))
            _exchange_rows(connection, f"{quoted(schema)}.{quoted(table)}", f"{quoted(source)}.{quoted(table)}", has_key)
        else:
            name = f"{quoted(schema)}.{quoted(BEING_MADE + table)}"
            run(connection, f"create table {name} (like {quoted(source)}.{quoted(table)} including all)")
            run(connection, f"insert into {name} select * from {quoted(source)}.{quoted(table)}")
            run(connection, f"analyze {name}")
            made.append(table)
        step(f"exchanged {table}")
    for table in made:                                  # last, because now readers wait
        if table in live:
            _take_over_grants(connection, schema, table)
            _drop(connection, schema, table)
        run(connection, f"alter table {quoted(schema)}.{quoted(BEING_MADE + table)} rename to {quoted(table)}")
    for table in live.keys() - wanted.keys():
        _drop(connection, schema, table)
    _comment(connection, schema, source)
    run(connection, f"comment on schema {quoted(schema)} is {literal(told)}")
    pg_access.secure_new(connection, schema, options)
    step("about to commit")


def _exchange_rows(connection: sql.Connection, name: str, source: str, has_key: bool) -> None:
    """Only rows that differ are written: the tables do not grow with every night, and neither does the log that replicas read."""
    if has_key:
        run(connection, f"delete from {name} as meridian_old where not exists "
                        f"(select from {source} as meridian_new where meridian_new::text = meridian_old::text)")
        run(connection, f"insert into {name} select meridian_new.* from {source} as meridian_new where not exists "
                        f"(select from {name} as meridian_old where meridian_new::text = meridian_old::text)")
    else:
        run(connection, f"delete from {name}")
        run(connection, f"insert into {name} select * from {source}")
    run(connection, f"analyze {name}")


def _take_over_grants(connection: sql.Connection, schema: str, table: str) -> None:
    for privilege, grantee in rows(connection, f"""
            select privilege_type, case when grantee = 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end
            from pg_class, aclexplode(relacl) where oid = {literal(f'{quoted(schema)}.{quoted(table)}')}::regclass and grantee <> relowner"""):
        run(connection, f"grant {privilege} on {quoted(schema)}.{quoted(BEING_MADE + table)} to {grantee}")


def _drop(connection: sql.Connection, schema: str, table: str) -> None:
    try:
        run(connection, f"drop table {quoted(schema)}.{quoted(table)}")
    except sql.exc.DBAPIError as error:
        code, words = refusal(error)
        if code != STILL_NEEDED:
            raise
        raise PostgresError(f"{table} has other columns or another key now (or is not published any more), but something of yours is built on it: {words}. "
                            "Drop that, `meridian publish postgres`, then make it anew", code=code) from None


def _comment(connection: sql.Connection, schema: str, source: str) -> None:
    """Comments of the tables as the version has them, where they differ."""
    found = rows(connection, f"""
        select of_new.relname, pg_attribute.attname, wanted.description from pg_description as wanted
        join pg_class as of_new on of_new.oid = wanted.objoid and wanted.classoid = 'pg_class'::regclass
        join pg_class as of_live on of_live.relname = of_new.relname and of_live.relnamespace = {literal(quoted(schema))}::regnamespace
        left join pg_attribute on pg_attribute.attrelid = of_new.oid and pg_attribute.attnum = wanted.objsubid and pg_attribute.attnum > 0
        left join pg_attribute as live_column on live_column.attrelid = of_live.oid and live_column.attname = pg_attribute.attname
        left join pg_description as there on there.objoid = of_live.oid and there.classoid = 'pg_class'::regclass
            and there.objsubid = coalesce(live_column.attnum, 0)
        where of_new.relnamespace = {literal(quoted(source))}::regnamespace and of_new.relkind = 'r'
            and there.description is distinct from wanted.description""")
    for table, column, words in found:
        name = f"{quoted(schema)}.{quoted(table)}"
        what = f"table {name}" if column is None else f"column {name}.{quoted(column)}"
        run(connection, f"comment on {what} is {literal(words)}")


def _vacuum(connection: sql.Connection, options: Postgres) -> None:
    """The room of the rows that went is free for the next night's; readers are not in its way, nor it in theirs."""
    tables = _columns(connection, options.schema_name)
    session = connection.execution_options(isolation_level="AUTOCOMMIT")
    for table in tables:
        run(session, f"vacuum (truncate false) {quoted(options.schema_name)}.{quoted(table)}")
    session.commit()
    connection.execution_options(isolation_level="READ COMMITTED")


def _prune(connection: sql.Connection, options: Postgres, current: str, step: Step) -> list[str]:
    """Versions beyond the newest `keep_versions` go, but for the current one and those that are being read or built upon. Returns what was left for that."""
    there = _versions(connection, options)
    spare = [version for version in there if version != current]
    left = []
    for version in spare[:max(0, len(there) - options.keep_versions)]:
        schema = there[version]
        try:
            with connection.begin():
                run(connection, f"set local lock_timeout = '{LOCK_TIMEOUT}'")
                _drop_schema(connection, schema)
            step(f"dropped {version}")
        except sql.exc.DBAPIError as error:
            code, words = refusal(error)
            if code not in (IN_USE, STILL_NEEDED):
                raise
            left.append(f"{schema} stays for now: {words}")
    return left


def _drop_schema(connection: sql.Connection, schema: str) -> None:
    """Refused where something else is built on it, which a `cascade` would take along."""
    for table in pg_access.columns_by_table(connection, schema):
        run(connection, f"drop table {quoted(schema)}.{quoted(table)}")
    run(connection, f"drop schema {quoted(schema)}")
