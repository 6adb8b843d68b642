"""Landing and time macros: what text becomes, and which reading of a record counts."""

from datetime import date, datetime
from typing import Any

import duckdb
import pytest

from tests.dbt_project.macro_sql import macro


def ask(sql: str) -> list[Any]:
    with duckdb.connect() as connection:
        # As in profiles.yml.
        connection.execute("set TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


def landed(*lines: tuple[str, str, int, bool, str | None]) -> str:
    rows = ", ".join(
        f"('zendesk', '{batch}', {ordinal}, '{key}', {deleted}, {'null' if record is None else chr(39) + record + chr(39)}::json)"
        for key, batch, ordinal, deleted, record in lines
    )
    return f"(values {rows}) as landed (_source, _batch, _ordinal, _key, _deleted, record)"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-07-01T02:00:00+02:00", datetime.fromisoformat("2026-07-01")),
        ("2026-07-01T00:00:00Z", datetime.fromisoformat("2026-07-01")),
        ("2026-07-01 00:00:00.125", datetime.fromisoformat("2026-07-01 00:00:00.125")),
        ("2026-07-01", datetime.fromisoformat("2026-07-01")),
        ("not a time", None),
        ("", None),
    ],
)
def test_an_instant_is_read_with_its_offset_and_kept_in_utc(text: str, instant: datetime | None) -> None:
    assert ask("select " + macro("utc")(f"'{text}'")) == [(instant,)]


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        ("2026-10-24 22:30:00", "Europe/Berlin", date(2026, 10, 25)),  # summer time: two hours ahead
        ("2026-10-25 22:30:00", "Europe/Berlin", date(2026, 10, 25)),  # the same clock a day later, winter time: one hour ahead
        ("2026-03-28 23:30:00", "Europe/Berlin", date(2026, 3, 29)),
        ("2026-10-31 13:30:00", "Pacific/Auckland", date(2026, 11, 1)),
        ("2026-10-31 23:30:00", "America/Los_Angeles", date(2026, 10, 31)),
    ],
)
def test_a_reporting_day_is_the_day_on_the_wall_of_the_reporting_zone(instant: str, zone: str, day: date) -> None:
    assert ask("select " + macro("reporting_day", time_zone=zone)(f"timestamp '{instant}'")) == [(day,)]


def test_a_field_is_text_a_nested_field_is_json_text_and_a_missing_one_is_null() -> None:
    source = landed(("1", "b1", 0, False, '{"id": 7, "via": {"channel": "chat"}, "tags": ["a"], "open": true, "Unit Price": 1.50}'))
    [row] = ask('select id, via, tags, open, "Unit Price", absent from (' + macro("parse")(source, ["id", "via", "tags", "open", "Unit Price", "absent"]) + ")")
    assert row == ("7", '{"channel":"chat"}', '["a"]', "true", "1.5", None) or row == ("7", '{"channel":"chat"}', '["a"]', "true", "1.50", None)


def test_a_delete_is_a_row_without_fields() -> None:
    source = landed(("1", "b1", 0, True, None))
    assert ask("select record_key, is_deleted, id from (" + macro("parse")(source, ["id"]) + ")") == [("1", True, None)]


def test_the_reading_landed_last_counts_by_batch_and_then_by_place_in_the_batch() -> None:
    source = landed(
        ("1", "b2", 1, False, '{"v": "old place"}'),
        ("1", "b2", 5, False, '{"v": "newest"}'),
        ("1", "b1", 9, False, '{"v": "old batch"}'),
        ("2", "b1", 0, False, '{"v": "alone"}'),
    )
    sql = "select record_key, v from (" + macro("parse")(source, ["v"]) + ") " + macro("newest_per_key")() + " order by 1"
    assert ask(sql) == [("1", "newest"), ("2", "alone")]


def test_a_ratio_by_nothing_is_null() -> None:
    assert ask("select " + macro("ratio")("3", "0") + ", " + macro("ratio")("1", "2")) == [(None, 0.5)]


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [
        ("1.0", "1.0", False),
        ("1.0", "1.0 + 1e-12", False),
        ("1e12", "1e12 + 1", False),
        ("1.0", "1.1", True),
        ("null", "0", True),
        ("0", "null", True),
    ],
)
def test_numbers_differ_when_more_than_the_order_of_a_sum_can_explain(old: str, new: str, differs: bool) -> None:
    assert ask(f"select coalesce({macro('differs')(f'({old})::double', f'({new})::double')}, false)") == [(differs,)]
