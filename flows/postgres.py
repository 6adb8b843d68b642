"""The marts in PostgreSQL: what `[publish.postgres]` says, put together for flows/store/postgres.py. Files come first; what fails here undoes nothing there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from connectors.personal import KEY_VARIABLE
from flows.settings import Settings, nearest
from flows.store import pg_load, published
from flows.store import postgres as store
from flows.store.pg import PostgresError

__all__ = ["PostgresError", "as_check", "follow_current", "is_wanted", "standing"]


def is_wanted(settings: Settings) -> bool:
    return settings.configuration.publish.postgres.url_env is not None


def standing(settings: Settings) -> str | None:
    """The version that readers of PostgreSQL have. Raises PostgresError."""
    with _told(settings, "cannot be asked"):
        return store.standing(_address(settings), settings.configuration.publish.postgres)


def follow_current(settings: Settings) -> str:
    """Bring PostgreSQL to the current version of the files and say what it has now.

    Raises PostgresError that says what it lacks and why, PublishError without a version.
    """
    version, options = published.current(settings.published), settings.configuration.publish.postgres
    if version is None:
        raise published.PublishError("nothing is published yet: run `meridian nightly`")
    with _told(settings, f"does not have {version.name} yet"):
        _check_rows(settings, version)
        mask = pg_load.Mask(key=settings.secrets.get(KEY_VARIABLE, "")) if options.people == "mask" else None
        done = store.follow(_address(settings), options, version, mask=mask)
    what = f"has {done.version} already" if done.before == done.version else f"has {done.version} now, {done.before or 'nothing'} before"
    return "; ".join([f"PostgreSQL {what}; to be read by name: {', '.join(done.kept)}", *done.remarks])


def as_check(settings: Settings) -> dict[str, Any]:
    """`follow_current` as one of a night's checks: what fails is told with it, and undoes nothing. Raises PublishError without a version."""
    row = {"border": "publish", "subject": "PostgreSQL", "check": "has the current version", "severity": "warning", "expected": "the current version"}
    try:
        said, is_there = follow_current(settings), True
    except PostgresError as error:
        said, is_there = str(error), False
    return {**row, "passed": is_there, "observed": said, "detail": said}


def _address(settings: Settings) -> str:
    variable = settings.configuration.publish.postgres.url_env or ""
    address = settings.secrets.get(variable, "")
    if not address:
        raise PostgresError(f"{variable} is not set: put postgresql://user:password@host/database under this name into {settings.path.parent / '.env'}")
    return address


def _check_rows(settings: Settings, version: published.Version) -> None:
    """A filter by a column that no table has would show nothing and say nothing."""
    with duckdb.connect(str(version.marts), read_only=True) as marts:
        known = {row[0] for row in marts.execute("select distinct column_name from duckdb_columns() where not internal").fetchall()}
    for role, rows in settings.configuration.publish.postgres.rows.items():
        for wrong in (name for name in rows.values if name not in known):
            raise PostgresError(f"publish.postgres.rows.{role}: no table has a column {wrong!r}{nearest(wrong, sorted(known))}")
        for wrong in (name for name in rows.tables if name not in version.tables):
            raise PostgresError(f"publish.postgres.rows.{role}.tables: there is no table {wrong!r}{nearest(wrong, sorted(version.tables))}")


@contextmanager
def _told(settings: Settings, what: str) -> Iterator[None]:
    try:
        yield
    except PostgresError as error:
        raise PostgresError(f"PostgreSQL {what}: {error}", code=error.code) from None
