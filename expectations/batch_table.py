"""A landed batch as a table that checks can ask: its keys, and of every record the fields that its suite names, read as the suite says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from expectations.suites import Field, Suite

MEMORY = "512MB"
"""For one batch, whatever its size; what does not fit goes to the scratch folder."""

LIMITS = f"set memory_limit = '{MEMORY}'; set threads = 2"


def landed(record: str = "JSON") -> str:
    """SQL for the lines of landed files, whose names are its one parameter: key, deleted, part, and record as the type `record`."""
    return f"""read_json(?, format = 'newline_delimited', maximum_object_size = 33554432,
                      columns = {{key: 'VARCHAR', deleted: 'BOOLEAN', part: 'VARCHAR', record: {_quoted(record)}}})"""


@contextmanager
def opened(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory, what does not fit into MEMORY in the folder `scratch`: to write a table to a file costs as much again as to read the batch."""
    connection = duckdb.connect()
    try:
        connection.execute(f"{LIMITS}; set preserve_insertion_order = false; set TimeZone = 'UTC'")
        connection.execute(f"set temp_directory = {_quoted(str(scratch))}")
        yield connection
    finally:
        connection.close()


def lay_out(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], suite: Suite) -> tuple[int, int]:
    """Read the batch once into table `lines` (_key, _deleted, the suite's fields), and view `records` without deletes. Returns (records, deletes).

    An empty text is null: CSV and some APIs have no other way to say so. Beside a field that is not text stands <field>__unread: the text from which its type
    could not be read.
    """
    named = [[str(file) for file in files]]
    paths = [field.path.split(".") for field in suite.fields.values()]
    try:
        connection.execute(f"create table lines as {_typed(suite, _by_shape(paths))}", named)
    except duckdb.Error:        # a text where other records have an object, a name twice in one record: seldom
        connection.execute(f"create table lines as {_typed(suite, _by_path(paths))}", named)
    connection.execute("create view records as select * exclude (_deleted) from lines where not _deleted")
    row = connection.execute("select count(*) filter (where not _deleted), count(*) filter (where _deleted) from lines").fetchone()
    assert row is not None
    return row[0], row[1]


def keys_of_different_records(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> tuple[int, int, str | None]:
    """(keys, how many of them stand for different records of one part, one of those) of the batch that was laid out. Records are read again only if keys
    repeat. A later part (a file of another day) may say something else: that is what has become of the record."""
    counted = connection.execute("select count(*), count(distinct hash(_key)) from records").fetchone()
    assert counted is not None
    if counted[0] == counted[1]:
        return counted[0], 0, None
    row = connection.execute(f"""
        with repeated as (select _key from records group by _key having count(*) > 1)
        select (select count(*) from (select distinct _key from records)), count(*) filter (where differ), min(key) filter (where differ)
        from (
            select key, bool_or(differ) as differ
            from (
                select key, min(hash(record::varchar)) <> max(hash(record::varchar)) as differ
                from {landed()} as line semi join repeated on line.key is not distinct from repeated._key
                where not deleted
                group by key, part
            )
            group by key
        )""", [[str(file) for file in files]]).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def _by_shape(paths: Sequence[Sequence[str]]) -> str:
    """Of each record only what is asked for. Fails where one has another shape."""
    fields = "".join(f", {'.'.join(['record', *map(_named, path)])} as text_{number}" for number, path in enumerate(paths))
    return f"select key as _key, deleted as _deleted{fields} from {landed(_shape(paths) if paths else 'JSON')}"


def _shape(paths: Sequence[Sequence[str]]) -> str:
    inside: dict[str, list[Sequence[str]]] = {}
    for first, *rest in paths:
        inside.setdefault(first, []).extend([rest] if rest else [])
    return "STRUCT(" + ", ".join(f"{_named(name)} {_shape(deeper) if deeper else 'VARCHAR'}" for name, deeper in inside.items()) + ")"


def _by_path(paths: Sequence[Sequence[str]]) -> str:
    """Of each record what is asked for, whatever its shape."""
    wanted = ["$." + ".".join(f'"{part}"' for part in path) for path in paths]
    fields = "".join(f", texts[{number + 1}] as text_{number}" for number in range(len(paths)))
    texts = f"json_extract_string(record, {wanted!r})" if wanted else "[]::varchar[]"
    return f"select _key, _deleted{fields} from (select key as _key, deleted as _deleted, {texts} as texts from {landed()})"


def _typed(suite: Suite, source: str) -> str:
    columns = ""
    for number, (name, field) in enumerate(suite.fields.items()):
        text = f"text_{number}"
        # to trim every text costs a fifth of all this
        said = f"case when {text} = '' or {text} like ' %' or {text} like '% ' then nullif(trim({text}), '') else {text} end"
        read = said if field.type == "text" else _read_as(said, field)
        columns += f", {read} as {_named(name)}"
        columns += "" if field.type == "text" else f", case when {read} is null then {said} end as {_named(name + '__unread')}"
    return f"select _key, _deleted{columns} from ({source})"


def _read_as(text: str, field: Field) -> str:
    """SQL that reads a text as the field's type; null when it cannot be."""
    match field.type:
        case "timestamp":       # text with an offset or Z; without either it is UTC
            return f"(try_cast({text} as timestamptz) at time zone 'UTC')"
        case "epoch":           # a number beyond all calendars is an error to DuckDB
            return f"(try(to_timestamp(try_cast({text} as double))) at time zone 'UTC')"
        case "number":
            return f"try_cast({text} as double)"
        case "integer":
            return f"try_cast({text} as bigint)"
        case other:
            return f"try_cast({text} as {other})"


def _named(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
