"""A ledger in PostgreSQL that several hosts share: one transaction behind the other, leases by its clock, and nothing written by who lost one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sql

from flows import doctor
from flows.settings import ConfigurationError, load, parse
from flows.store import engines, leases
from flows.store import ledger as ledgers
from flows.store.postgres_options import ALLOW_PLAIN
from flows.store.refused import LedgerUnreachable
from sandbox.databases import Database

NOW = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
YEARS_LATER = NOW + timedelta(days=3000)


@pytest.fixture(scope="module")
def shared(postgres_server: Database) -> Database:
    """In a database that sorts as dictionaries do: nothing may depend on the order of bytes."""
    postgres_server.run("create database shared template template0 locale_provider icu icu_locale 'en-US'")
    return Database(kind="postgresql", port=postgres_server.port, folder=postgres_server.folder, password=postgres_server.password, name="shared")


@pytest.fixture
def hosts(shared: Database) -> Iterator[tuple[ledgers.Ledger, ledgers.Ledger]]:
    """Two engines, as two hosts have them: one for each way to write the address."""
    one, other = ledgers.open_ledger(shared.url), ledgers.open_ledger(shared.url.replace("127.0.0.1", "localhost"))
    assert one is not other
    yield one, other
    with one.begin() as connection:
        for table in reversed(ledgers.metadata.sorted_tables):
            connection.execute(sql.delete(table))


def expire(ledger: ledgers.Ledger, name: str) -> None:
    with engines.unfenced(), ledger.begin() as connection:
        connection.execute(sql.update(leases.leases).where(leases.leases.c.name == name).values(expires_at=ledgers.text(NOW)))


def reading(batch: str) -> ledgers.Reading:
    return ledgers.Reading(source="shop", stream="orders", batch=batch, window_start=None, window_end=NOW, size=10, records=3, pages=1)


def test_a_row_that_two_hosts_put_at_once_is_put_once(hosts: tuple[ledgers.Ledger, ledgers.Ledger]) -> None:
    def put(ledger: ledgers.Ledger) -> None:
        for number in range(30):
            ledgers.note_failure(ledger, source="shop", stream=f"stream {number}", kind="files", at=NOW, failure="x")

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(put, ledger) for ledger in (*hosts, *hosts)]:
            done.result(60)
    assert len(ledgers.stream_states(hosts[0])) == 30


def test_one_of_two_that_begin_at_once_is_refused_whatever_their_clocks_say(hosts: tuple[ledgers.Ledger, ledgers.Ledger]) -> None:
    taken, refused = [], []

    def begin(ledger: ledgers.Ledger, now: datetime, start: threading.Barrier) -> None:
        start.wait(10)
        try:
            with leases.lease(ledger, "night", purpose="a night", now=now):
                taken.append(now)
                time.sleep(0.5)
        except leases.LeaseTaken as error:
            refused.append(str(error))

    for _ in range(3):
        start = threading.Barrier(2)
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(begin, ledger, now, start) for ledger, now in zip(hosts, (NOW, YEARS_LATER), strict=True)]:
                done.result(30)
    assert len(taken) == len(refused) == 3
    assert all("a night has held 'night' since" in said and "wait for it to end" in said for said in refused)


def test_who_lives_keeps_a_lease_beyond_its_time_and_who_is_silent_does_not(
    hosts: tuple[ledgers.Ledger, ledgers.Ledger], monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leases, "LASTS", timedelta(seconds=1))
    monkeypatch.setattr(leases, "BEAT", timedelta(seconds=0.2))
    one, other = hosts
    with leases.lease(one, "night", purpose="a night", now=NOW):
        time.sleep(1.5)
        assert leases.holder(other, "night", now=YEARS_LATER)
    monkeypatch.setattr(leases, "BEAT", timedelta(hours=1))
    with leases.lease(one, "night", purpose="a night", now=NOW):
        time.sleep(1.2)
        assert leases.holder(other, "night", now=NOW) is None
    assert leases.holder(other, "night", now=NOW) is None


def test_a_host_that_lost_its_lease_writes_nothing_and_says_who_has_it(
    hosts: tuple[ledgers.Ledger, ledgers.Ledger], monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leases, "BEAT", timedelta(seconds=0.2))
    one, other = hosts
    told = threading.Event()
    with leases.lease(one, "night", purpose="a night", now=NOW, lost=told.set):
        ledgers.save_reading(one, reading("20260302T023000Z-000"))
        with monkeypatch.context() as cut_off:
            cut_off.setattr(leases, "_extend", lambda *_: True)
            expire(one, "night")
            took_over = leases.lease(other, "night", purpose="a night", now=NOW)
            took_over.__enter__()
        assert told.wait(5)
        with pytest.raises(leases.LeaseLost, match=r"lost 'night': process \d+ on .* has it now\. Nothing more of it is written"):
            ledgers.finish_reading(one, reading("20260302T023000Z-000"), kind="files", feeds="x.y", path="p", sha256="s", at=NOW, cursor=NOW, memory=None,
                                   swept=False)
        assert ledgers.list_batches(other) == [] and ledgers.current_reading(other, "shop", "orders")
        took_over.__exit__(None, None, None)
        with pytest.raises(leases.LeaseLost, match="somebody had it since and is done"):
            ledgers.start_night(one, run="r", as_of="2026-03-01", at=NOW)
    assert ledgers.list_nights(one) == []           # the lease is behind it: it may look, and write, again


def test_a_transaction_that_falls_silent_keeps_the_others_waiting_for_a_while_only(shared: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "IDLE_WITHIN", 1)
    silent = ledgers.open_ledger(f"{shared.url}?{ALLOW_PLAIN}=yes")
    monkeypatch.undo()
    with silent.connect() as connection:
        connection.execute(sql.select(ledgers.marks))
        began = time.monotonic()
        assert ledgers.first_mark(ledgers.open_ledger(shared.url), "subject", "mark") == "mark"
        assert time.monotonic() - began < 10
        with pytest.raises(sql.exc.DBAPIError):
            connection.execute(sql.select(ledgers.marks))
    assert ledgers.first_mark(silent, "subject", "other") == "mark"         # and comes back on a connection of its own


def test_two_hosts_of_one_name_do_not_take_each_other_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"{leases.socket.gethostname()}"
    gone = "999999999:5"
    assert leases.owner_is_dead(f"{name}:{gone}")                                   # as earlier versions wrote it
    assert leases.owner_is_dead(f"abcd@{name}{leases._machine()}:{gone}")
    assert not leases.owner_is_dead(f"abcd@{name}~00000000:{gone}")
    assert not leases.owner_is_dead(f"abcd@elsewhere{leases._machine()}:{gone}")


def test_an_unreachable_ledger_is_named_without_its_password(shared: Database) -> None:
    for wrong, said in ((shared.url.replace(f":{shared.port}/", ":1/"), "127.0.0.1:1/shared"),
                        (shared.url.replace(shared.password, "not-the-password"), "password authentication failed"),
                        ("postgresql://meridian:not-the-password@/", "names no host"),
                        (f"{shared.url}?sslmode=require", "ledger_tls_ca")):
        with pytest.raises(LedgerUnreachable, match=said) as caught:
            ledgers.open_ledger(wrong)
        assert "not-the-password" not in str(caught.value) and shared.password not in str(caught.value)


def test_the_ledgers_address_comes_from_the_environment_and_never_from_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ledger_env") as caught:
        parse('[company]\nname = "x"\n[state]\nledger = "postgresql://m:hidden@db/meridian"\n', Path("meridian.toml"))
    assert "hidden" not in str(caught.value)
    (tmp_path / "meridian.toml").write_text('[company]\nname = "x"\n[state]\nledger_env = "LEDGER_URL"\nledger_tls_ca = "ca.pem"\n')
    with pytest.raises(ConfigurationError, match="LEDGER_URL is not set"):
        assert load(tmp_path / "meridian.toml", environment={}).ledger
    url = load(tmp_path / "meridian.toml", environment={"LEDGER_URL": "postgresql://m:p@db/meridian"}).ledger
    assert sql.make_url(url).query == {"meridian_tls_ca": str(tmp_path / "ca.pem")}


def test_the_doctor_names_a_ledger_that_does_not_answer_and_looks_at_the_rest(tmp_path: Path) -> None:
    (tmp_path / "meridian.toml").write_text('[company]\nname = "x"\n[state]\nledger_env = "LEDGER_URL"\n[sources.drop]\nkind = "files"\nfolder = "drop"\n'
                                            'streams.targets = { pattern = "*.csv", key = ["kpi"] }\n')
    for environment, said in (({"LEDGER_URL": "postgresql://meridian:not-the-password@127.0.0.1:1/ledger"}, "the ledger at 127.0.0.1:1/ledger cannot be used"),
                              ({}, "LEDGER_URL is not set")):
        found = doctor.examine(load(tmp_path / "meridian.toml", environment=environment))
        (ledger,) = [one for one in found if one.subject == "ledger"]
        assert not ledger.is_well and said in ledger.detail
        assert {"Python", "disk", "secrets", "Prefect server"} <= {one.subject for one in found}
        assert not any("not-the-password" in f"{one.detail}{one.mend}" for one in found)
