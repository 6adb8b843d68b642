"""A message survives being written down, and is promised once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sql

from flows.alerting.notice import Item, Link, Notice, from_json, to_json
from flows.store import ledger as ledgers
from flows.store import outbox

NOTICE = Notice(
    key="late_suppliers/2026-W46/firing", thread="late_suppliers/2026-W46", kind="firing", severity="warning", language="zh-CN", title="供应商交货逾期率",
    lead="18.2 %,目标 10 %", items=(Item(subject="Umbra GmbH", text="6 of 33", trend=(0.1, None, 0.18)),), why=("carrier",), steps=("Call them.",),
    owner="purchasing lead", links=(Link(text="确认", url="http://127.0.0.1/a", is_action=True),), footer="20261117T023000Z")


def test_a_notice_is_what_it_was_before_it_was_written_down() -> None:
    assert from_json(to_json(NOTICE)) == NOTICE


def test_what_is_promised_to_a_channel_is_promised_once_and_only_with_what_it_tells_of(tmp_path: Path) -> None:
    ledger, at = ledgers.open_ledger(str(tmp_path / "ledger.sqlite")), datetime(2026, 11, 17, 2, 30, tzinfo=UTC)
    with ledger.begin() as connection:
        promised = [outbox.put(connection, key=NOTICE.key, channel=channel, notice=to_json(NOTICE), at=at) for channel in ("mail", "chat", "mail")]
    assert promised == [True, True, False]
    try:
        with ledger.begin() as connection:
            outbox.put(connection, key="other", channel="mail", notice=to_json(NOTICE), at=at)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    with ledger.begin() as connection:
        assert {row.key for row in connection.execute(sql.select(outbox.outbox))} == {NOTICE.key}
