"""A batch as a table: read by the shape of its records or by paths into them, it is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from expectations import batch_table
from expectations.suites import batch_suite
from tests.expectations.landed import batch, check, failed, ticket

SUITE = batch_suite("zendesk", "tickets")


def laid_out(scratch: Path, records: list[dict[str, Any]], *, deleted: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
    with batch_table.opened(scratch) as connection:
        assert batch_table.lay_out(connection, [batch(scratch, records, deleted=deleted)], SUITE) == (len(records), len(deleted))
        return connection.execute("select * from lines order by all").fetchall()


PLAIN = [
    ticket(1), ticket(2, status=" open ", priority="", via=None), ticket(3, created_at=" 2026-10-30 ", updated_at="\t"), ticket(4, created_at="soon", id=None),
    ticket(5, status=True, priority=1.50, via={"channel": {"name": "web", "rel": [1, None]}}), ticket(12345678901234567890123, satisfaction_rating={}),
    {"id": 7}, ticket(8, status=["é\"", None], via={"Channel": "web"}, STATUS="new"), ticket(9, subject={"a": 1}, created_at=17.5, updated_at=-0.0),
]


@pytest.mark.parametrize("odd", [
    ticket(100, via="web"), ticket(100, via=["web"]), ticket(100, via=7, satisfaction_rating="offered"), ticket(100, satisfaction_rating=False),
])
def test_a_record_of_another_shape_changes_nothing_of_the_others(tmp_path: Path, odd: dict[str, Any]) -> None:
    by_shape = laid_out(tmp_path, PLAIN, deleted=("77",))
    by_path = laid_out(tmp_path, [*PLAIN, odd], deleted=("77",))
    assert [row for row in by_path if row[0] != "100"] == by_shape
    [read] = [row for row in by_path if row[0] == "100"]
    [usual] = [row for row in laid_out(tmp_path, [ticket(100)]) if row[0] == "100"]
    assert len(read) == len(usual)
    assert {now for now, before in zip(read, usual, strict=True) if now != before} == {None}


def test_each_shape_is_read_by_the_way_that_is_meant_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(paths: object) -> str:
        raise AssertionError("records of the usual shape are read by it")

    with monkeypatch.context() as patched:
        patched.setattr(batch_table, "_by_path", never)
        laid_out(tmp_path, PLAIN)
        with pytest.raises(AssertionError):
            laid_out(tmp_path, [ticket(1, via="web")])


def test_texts_are_trimmed_and_what_is_empty_is_null(tmp_path: Path) -> None:
    with batch_table.opened(tmp_path) as connection:
        batch_table.lay_out(connection, [batch(tmp_path, PLAIN)], SUITE)
        rows = connection.execute("select status, priority, created_at::varchar, created_at__unread, updated_at__unread from lines where _key in ('2', '3', 'None') "
                                  "order by _key").fetchall()
    assert rows == [
        ("open", None, "2026-10-30 10:00:00", None, None), ("open", "high", "2026-10-30 00:00:00", None, "\t"),
        ("open", "high", None, "soon", None),
    ]


def test_one_text_among_objects_is_no_reason_to_hold_a_batch_back(tmp_path: Path) -> None:
    found = failed(check([batch(tmp_path, [*(ticket(number) for number in range(30)), ticket(30, satisfaction_rating="offered")])]))
    assert found == {}


def test_of_keys_that_repeat_the_records_are_compared(tmp_path: Path) -> None:
    with batch_table.opened(tmp_path) as connection:
        records = [ticket(1), ticket(1), ticket(2), ticket(2, subject="other"), ticket(3), ticket(4), ticket(5)]
        files = [batch(tmp_path, records, keys=["1", "1", "2", "2", "3", None, None], deleted=("2",))]
        batch_table.lay_out(connection, files, SUITE)
        assert batch_table.keys_of_different_records(connection, files) == (4, 2, "2")


@pytest.mark.parametrize(("said", "read", "unread"), [
    (1_761_955_200, "2025-11-01 00:00:00", None), ("1761955200", "2025-11-01 00:00:00", None), (1e18, None, "1e+18"), ("nan", None, "nan"), ("soon", None, "soon"),
])
def test_seconds_that_are_of_no_calendar_are_unread_and_no_error(tmp_path: Path, said: Any, read: str | None, unread: str | None) -> None:
    with batch_table.opened(tmp_path) as connection:
        batch_table.lay_out(connection, [batch(tmp_path, [{"id": 1, "timestamp": said}])], batch_suite("zendesk", "ticket_events"))
        assert connection.execute("select timestamp::varchar, timestamp__unread from records").fetchall() == [(read, unread)]
