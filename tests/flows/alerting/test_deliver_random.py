"""Random lives of an outbox: faults, deaths at any step, jumps of the clock, two channels, messages that come in between. Whatever happens, nothing is lost,
and nothing arrives more often than it was tried without an answer."""

from __future__ import annotations

import os
import random
import socket
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sql

from flows.alerting import deliver
from flows.alerting.channels import http
from flows.store import ledger as ledgers
from flows.store import outbox
from tests.flows.alerting.stand_ins import VENDORS, Collector
from tests.flows.alerting.test_deliver import Clock, channel_of, courier, promise

FAULTS = ("", "", "", "429", "limited", "failing", "500 lost", "500 taken", "cut, taken")
GONE = f"{socket.gethostname()}:{os.getpid()}:1"            # a process of this machine with our number that began at another time: certainly dead


class Died(BaseException):
    pass


def live(seed: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance, clock = random.Random(seed), Clock()
    ledger = ledgers.open_ledger(str(folder / f"{seed}.sqlite"))
    monkeypatch.setattr(outbox, "myself", lambda: GONE)

    def step(name: str) -> None:
        if chance.random() < 0.1:
            raise Died

    keys: list[str] = []
    with VENDORS["webhook"].collector() as first, VENDORS["webhook"].collector() as second:
        to = courier(ledger, clock, channel_of("webhook", first.url), channel_of("webhook", second.url, "other"), step=step, random=chance.random)
        for _ in range(12):
            for _ in range(chance.choice((0, 1, 1, 3, 14))):
                keys.append(f"k{len(keys):03d};")
                promise(ledger, keys[-1], channel=chance.choice(("it", "other")), at=clock.now, severity=chance.choice(("info", "critical")))
            for system in (first, second):
                system.faults.extend(chance.choice(FAULTS) for _ in range(chance.randrange(4)))
            with suppress(Died):
                deliver.deliver_due(to)
            clock.now += timedelta(minutes=chance.choice((1, 5, 20, 61)))
            if chance.random() < 0.1:
                clock.now -= timedelta(hours=1)
        first.faults.clear()
        second.faults.clear()
        calm = courier(ledger, clock, *to.channels.values())
        for _ in range(400):
            if not outbox.channels_waiting(ledger):
                break
            deliver.deliver_due(calm)
            clock.now += timedelta(minutes=5)
        assert outbox.channels_waiting(ledger) == [], seed
        check(ledger, keys, first, second, seed)


def check(ledger: ledgers.Ledger, keys: list[str], first: Collector, second: Collector, seed: int) -> None:
    with ledger.begin() as connection:
        rows = list(connection.execute(sql.select(outbox.outbox)))
        refused = Counter(connection.execute(sql.select(outbox.attempts.c.key).where(outbox.attempts.c.outcome == "refused")).scalars())
        unknown = Counter(connection.execute(sql.select(outbox.attempts.c.key).where(outbox.attempts.c.outcome == "unknown")).scalars())
    arrived: Counter[str] = Counter()
    may: Counter[str] = Counter()
    digests = {row.key: row.notice for row in rows if row.key.startswith("digest/")}
    for message in [*first.taken, *second.taken]:
        notice = message["notice"]
        if notice["kind"] != "trouble":
            arrived.update(key for key in keys if notice["key"] == key or (notice["kind"] == "digest" and key in str(notice["items"])))
    for key in keys:
        may[key] = 1 + unknown[key] + sum(unknown[name] for name, notice in digests.items() if key in notice)
    by_both = {key for key, times in refused.items() if times == 2}              # both systems said 'never': the auditor names these
    by_both |= {key for key in keys for name in by_both & digests.keys() if key in digests[name]}
    assert [key for key in keys if not arrived[key] and key not in by_both] == [], seed
    assert {key: arrived[key] for key in keys if arrived[key] > may[key]} == {}, seed


@pytest.mark.parametrize("start", [0])
def test_whatever_happens_nothing_is_lost_and_nothing_comes_oftener_than_it_went_unanswered(start: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT", (1.0, 0.3))
    for seed in range(start, start + 12):
        live(seed, tmp_path, monkeypatch)


@pytest.mark.drill
@pytest.mark.timeout(0)
@pytest.mark.parametrize("start", range(100, 700, 100))
def test_whatever_happens_over_many_lives(start: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT", (1.0, 0.3))
    for seed in range(start, start + 100):
        live(seed, tmp_path, monkeypatch)
