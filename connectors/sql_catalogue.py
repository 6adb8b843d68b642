"""What the database's own catalogue says of a declared table, and how its columns are selected and compared: a part of sql.py.

Identifiers are never put together as text: SQLAlchemy quotes them as the database needs it, and only names that the catalogue knows are asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import sqlalchemy as sql
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.sql.elements import ColumnElement

from connectors.sql_tables import Table, nearest
from connectors.sql_values import Kind
from connectors.stream import Json, Misconfigured

# Such a column (point, xml, an extension's) is landed as its text; there is nothing to warn of every night.
warnings.filterwarnings("ignore", "Did not recognize type", category=sql.exc.SAWarning)


@dataclass(frozen=True, kw_only=True)
class Column:
    """shown: what is selected; compared: what is ordered and compared by. kind: how a selected value is landed (sql_values.py)."""

    name: str
    kind: Kind
    type: Any
    is_nullable: bool
    shown: ColumnElement[Any]
    compared: ColumnElement[Any]


@dataclass(frozen=True, kw_only=True)
class Known:
    """A declared table as the database has it. cursor: None when the order is that of the key alone."""

    table: sql.TableClause
    columns: Sequence[Column]
    key: Sequence[Column]
    cursor: Column | None

    @property
    def order(self) -> list[Column]:
        return [*([self.cursor] if self.cursor else []), *self.key]


def reflect(connection: sql.Connection, declared: Table, *, source: str, has_zone: bool) -> Known:
    """Look the table up. has_zone: a time zone is declared for columns without one. Raises Misconfigured, with the nearest name that exists."""
    schema = declared.schema or None

    def wrong(what: str, mend: str) -> NoReturn:
        raise Misconfigured(what, source=source, stream=declared.stream.name, mend=mend)

    inspector = sql.inspect(connection)
    try:
        found = inspector.get_columns(declared.name, schema=schema)
        unique = [inspector.get_pk_constraint(declared.name, schema=schema)["constrained_columns"]]
        unique += [[name or "" for name in index["column_names"]] for index in inspector.get_indexes(declared.name, schema=schema) if index["unique"]]
    except sql.exc.NoSuchTableError:
        known = [*inspector.get_table_names(schema=schema), *inspector.get_view_names(schema=schema)]
        known += inspector.get_materialized_view_names(schema=schema) if connection.dialect.name == "postgresql" else []
        wrong(f"there is no table {declared.name!r}{f' in schema {schema}' if schema else ''} that we may see", nearest(declared.name, known))
    names = [column["name"] for column in found]
    for asked in (*declared.stream.key, *declared.cursors, *declared.columns):
        if asked not in names:
            wrong(f"{declared.name} has no column {asked!r}", nearest(asked, names))
    for path in declared.personal:                           # misspelled, it would protect nothing
        if path not in names and path.split(".")[0].removesuffix("[]") not in names:
            wrong(f"{declared.name} has no column {path!r}, which is said to be personal", nearest(path, names))
    if any(unique) and not any(one and set(one) <= set(declared.stream.key) for one in unique):
        wrong(f"the key ({', '.join(declared.stream.key)}) does not name one row of {declared.name}",
              "a row is unique by " + " or ".join(", ".join(one) for one in unique if one))
    holds_json, is_postgres = _json_columns(connection, declared), connection.dialect.name == "postgresql"
    # Qualified by its table everywhere: PostgreSQL takes a bare name in `order by` for that of what is selected, which is its text, and "10" < "9".
    table = sql.table(sql.quoted_name(declared.name, True), *(sql.column(sql.quoted_name(name, True)) for name in names),
                      schema=sql.quoted_name(schema, True) if schema else None)
    columns = {column["name"]: _column(column, table.c[column["name"]], is_json=column["name"] in holds_json, is_postgres=is_postgres)
               for column in found if not declared.columns or column["name"] in declared.columns}
    if not has_zone and (naive := [name for name, column in columns.items() if column.kind == "naive"]):
        wrong(f"{', '.join(naive)} of {declared.name} hold date and time without a time zone", f'set time_zone of [sources.{source}], e.g. "Europe/Berlin"')
    cursor = _cursor([columns[name] for name in declared.cursors], is_postgres=is_postgres) if declared.cursors else None
    if cursor is not None and cursor.kind not in ("stamp", "naive", "date"):
        wrong(f"the cursor ({', '.join(declared.cursors)}) is not of one type of date or time",
              "choose columns that say when a row was changed last; without any, leave cursor out: all of it is read every night")
    return Known(table=table, columns=list(columns.values()), key=[columns[name] for name in declared.stream.key], cursor=cursor)


def _column(found: Any, own: ColumnElement[Any], *, is_json: bool, is_postgres: bool) -> Column:
    kind = found["type"].data_type if isinstance(found["type"], postgresql.DOMAIN) else found["type"]
    landed, shown, compared = _shown(kind, own, is_postgres=is_postgres)
    return Column(name=found["name"], kind="json" if is_json else landed, type=kind, is_nullable=found["nullable"] is not False, shown=shown, compared=compared)


def _shown(kind: Any, own: ColumnElement[Any], *, is_postgres: bool) -> tuple[Kind, ColumnElement[Any], ColumnElement[Any]]:
    """(how it is landed, what is selected, what is compared). What JSON cannot hold is cast to text by the database, which loses nothing."""
    text = _text(own, is_postgres=is_postgres)
    if isinstance(kind, sql.Boolean | sql.Integer | sql.String) and not isinstance(kind, sql.Enum):
        return "plain", own, own
    if isinstance(kind, sql.Float):
        return "float", own if is_postgres else own + sql.literal_column("0e0"), own     # MySQL writes a FLOAT with six digits, a DOUBLE with all
    if isinstance(kind, sql.types._Binary):
        return "bytes", own, own
    if isinstance(kind, sql.JSON):
        return "json", text if is_postgres else own, text
    if isinstance(kind, postgresql.ARRAY):
        return "json", sql.cast(sql.func.to_json(own), sql.Text), own
    if isinstance(kind, postgresql.MONEY):
        return "text", sql.cast(sql.cast(own, sql.Numeric), sql.Text), own               # as text alone it would be written as the server's country does
    if isinstance(kind, mysql.BIT):
        return "plain", sql.cast(own, mysql.BIGINT(unsigned=True)), own
    if isinstance(kind, mysql.TIMESTAMP) or (isinstance(kind, sql.DateTime) and kind.timezone):
        return "stamp", text, own
    if isinstance(kind, sql.DateTime):
        return "naive", text, own
    if isinstance(kind, sql.Date):
        return "date", text, own
    if isinstance(kind, sql.types.NullType):                                             # a type that SQLAlchemy does not know
        return ("text", text, text) if is_postgres else ("plain", own, own)
    return "text", text, own


def _text(own: ColumnElement[Any], *, is_postgres: bool) -> ColumnElement[Any]:
    return sql.cast(own, sql.Text) if is_postgres else sql.cast(own, mysql.CHAR)


def _cursor(chosen: Sequence[Column], *, is_postgres: bool) -> Column:
    """The first of the columns that is not null, as one; of no usable kind when they differ."""
    first = chosen[0]
    compared = first.compared if len(chosen) == 1 else sql.func.coalesce(*(column.compared for column in chosen))
    return Column(name=first.name, kind=first.kind if len({column.kind for column in chosen}) == 1 else "plain", type=first.type,
                  is_nullable=all(column.is_nullable for column in chosen), shown=_text(compared, is_postgres=is_postgres), compared=compared)


def _json_columns(connection: sql.Connection, declared: Table) -> set[str]:
    """MariaDB's JSON is text with a check of its own ("JSON Data Type")."""
    if not getattr(connection.dialect, "is_mariadb", False):
        return set()
    checks = connection.execute(sql.text(
        "select check_clause from information_schema.check_constraints where constraint_schema = coalesce(:schema, database()) and table_name = :name"),
        {"schema": declared.schema or None, "name": declared.name}).scalars()
    return {clause.removeprefix("json_valid(`").removesuffix("`)") for clause in checks if clause.startswith("json_valid(`")}


def value(column: Column, mark: Json, *, is_postgres: bool) -> ColumnElement[Any]:
    """A value to compare a column with. mark: as selected, bytes in hexadecimal.

    On PostgreSQL as text that the database casts to the column's type: the driver's own types would lose digits or overflow. MySQL converts text
    where a column is a date, but compares a decimal with text as doubles.
    """
    if is_postgres:
        text = sql.literal(f"\\x{mark}" if column.kind == "bytes" else str(mark), sql.Text)
        return text if isinstance(column.type, sql.types.NullType) else sql.cast(text, column.type)
    if column.kind == "text" and isinstance(column.type, sql.Numeric):
        return sql.cast(sql.literal(mark, sql.String), column.type)
    return sql.literal(bytes.fromhex(mark) if column.kind == "bytes" else mark)


def behind(order: Sequence[Column], after: Sequence[Json], *, is_postgres: bool) -> ColumnElement[bool]:
    """Rows behind `after` in this order. PostgreSQL seeks a row comparison in an index; MySQL does not, but seeks the first column of the long form."""
    last = [value(column, mark, is_postgres=is_postgres) for column, mark in zip(order, after, strict=True)]
    own = [column.compared for column in order]
    if is_postgres:
        return sql.tuple_(*own) > sql.tuple_(*last)
    steps = [sql.and_(*(own[before] == last[before] for before in range(number)), own[number] > last[number]) for number in range(len(own))]
    return sql.and_(own[0] >= last[0], sql.or_(*steps))
