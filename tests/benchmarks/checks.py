"""What the checks of a landed batch cost beside raw SQL that asks the same.

    python -m tests.benchmarks.checks [--tickets 1000000]

A batch of tickets as Zendesk's export has them, a thousandth of them wrong in one way each. Ours: `expectations.run.check_batch` with the suite of
zendesk.tickets and that of every stream. Raw SQL: the same conditions, written by hand for these very tickets, over the same file in one DuckDB process. The
number of rows that break each condition is compared.
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from connectors import registry
from expectations.run import check_batch
from flows.store import landing
from tests.benchmarks.measuring import cost, in_turns, machine
from tests.benchmarks.ticket_pages import ticket

NOW = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
WRONG = {
    "no status": {"status": None}, "an unknown status": {"status": "parked"}, "an unknown priority": {"priority": "asap"},
    "an unknown channel": {"via": {"channel": "pigeon"}}, "from the future": {"created_at": "2031-01-01T00:00:00Z"}, "no date": {"created_at": "soon"},
}
BY_HAND = """
    select
        count(*) filter (where key is null), count(*) - count(distinct key),
        count(*) filter (where nullif(record.id, '') is null), count(*) filter (where record.status is null),
        count(*) filter (where try_cast(record.created_at as timestamptz) is null),
        count(*) filter (where record.status not in ('new', 'open', 'pending', 'hold', 'solved', 'closed', 'deleted')),
        count(*) filter (where record.priority not in ('low', 'normal', 'high', 'urgent')),
        count(*) filter (where record.via.channel not in ('email', 'chat', 'web', 'voice', 'api', 'mobile', 'native_messaging')),
        count(*) filter (where try_cast(record.created_at as timestamptz) > $now),
        max(try_cast(record.updated_at as timestamptz)),
        count(*) filter (where record.updated_at is not null and try_cast(record.updated_at as timestamptz) is null),
        count(*) filter (where record.created_at is not null and try_cast(record.created_at as timestamptz) is null)
    from read_json($file, format = 'newline_delimited', maximum_object_size = 33554432, columns = {
        key: 'VARCHAR', deleted: 'BOOLEAN',
        record: 'STRUCT(id VARCHAR, status VARCHAR, priority VARCHAR, created_at VARCHAR, updated_at VARCHAR, via STRUCT(channel VARCHAR))'})
    where not deleted
"""


def land(folder: Path, count: int) -> Path:
    where = landing.place(folder, "zendesk", "tickets", "20260302T023000Z-000")
    wrong = list(WRONG.values())
    lines: list[bytes] = []
    size = 0
    for number in range(count):
        one = ticket(number) | (wrong[number // 1000 % len(wrong)] if number % 1000 == 0 else {})
        lines.append(landing.line(str(number), number, one))
        if len(lines) == 10_000:
            size, lines = landing.append(where, lines, size), []
    landing.append(where, lines, size)
    landing.seal(where)
    return folder / where.relative


def asked_twice(tickets: int, turns: int) -> tuple[float, dict[str, float], dict[str, Any]]:
    """Of a batch of so many tickets: CPU seconds of ours in a fresh process, medians of ours and of raw SQL, and what each found."""
    [declared] = [one for one in registry.streams("zendesk") if one.name == "tickets"]
    with tempfile.TemporaryDirectory(prefix="meridian-checks-") as temporary:
        file = land(Path(temporary), tickets)

        def ours() -> Any:
            return check_batch([file], kind="zendesk", stream="tickets", stream_declaration=declared, history=(), now=NOW, scratch=Path(temporary))

        def raw() -> Any:
            with duckdb.connect() as connection:
                connection.execute("set threads = 2; set preserve_insertion_order = false; set TimeZone = 'UTC'")
                return connection.execute(BY_HAND, {"now": NOW, "file": str(file)}).fetchone()

        start, _ = cost(ours)                   # Great Expectations is imported, once a night
        return start, *in_turns(turns, ours=ours, raw=raw)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=5)
    asked = parser.parse_args()
    start, seconds, answers = asked_twice(asked.tickets, asked.turns)
    report, numbers = answers["ours"], answers["raw"]
    print(f"{asked.tickets:,} tickets; medians of {asked.turns}; {machine()}")
    print(f"{len(report.results)} checks: {seconds['ours']:.2f} CPU s (the first time {start:.2f}, imports included); the same by hand: {seconds['raw']:.2f}; "
          f"{seconds['ours'] / seconds['raw']:.2f} ×")
    for result in report.results:
        print(f"    {result.check:<60}{'holds' if result.passed else 'broken':<8}{result.observed}")
    print(f"    by hand: {numbers}")


if __name__ == "__main__":
    main()
