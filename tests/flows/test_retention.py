"""What may go goes, what counts stays, and a death in the middle only leaves more to go the next time."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sql

from flows import disk_use, ingest, retention
from flows.disk_use import Use
from flows.healing import Prefect
from flows.settings import ConfigurationError, Settings, parse
from flows.store import landing as landings
from flows.store import ledger as ledgers
from flows.store import outbox, published
from flows.store.completeness import Comparison, compared, remember
from tests.flows.store.marts_in_postgres import put_out
from tests.flows.test_healing import settings_at
from tests.flows.test_ingest import BY_CURSOR, NOW, store_at, truth_of
from tests.prefect_api import PREFECT

LONG_AGO = NOW - timedelta(days=500)
ORDERS = replace(BY_CURSOR, deletes="never")


def went(settings: Settings, prefect: Prefect | None = None) -> dict[str, int]:
    return {one.what: one.count for one in retention.prune(settings, ledgers.open_ledger(settings.ledger), prefect, wall=NOW)}


@pytest.mark.parametrize(("written", "said"), [
    ("version_days = 3", "meridian.toml:4: retention.version_days is not a setting; did you mean 'versions_days'?"),
    ("nights_days = 10", "meridian.toml:4: retention.nights_days = 10: Input should be greater than or equal to 120"),
    ("log_megabytes = 0", "meridian.toml:4: retention.log_megabytes = 0: Input should be greater than or equal to 1")])
def test_a_wrong_limit_is_named_with_its_line_and_what_would_be_right(tmp_path: Path, written: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        parse(f'[company]\nname = "Small"\n[retention]\n{written}\n', tmp_path / "meridian.toml")
    assert str(error.value) == f"{tmp_path}/{said}"


def test_the_earlier_name_of_the_limit_of_versions_still_counts_and_the_new_one_goes_first(tmp_path: Path) -> None:
    for text, days in (("", 30), ("[publish]\nkeep_days = 5", 5), ("[publish]\nkeep_days = 5\n[retention]\nversions_days = 7", 7)):
        assert retention.versions_days(settings_at(tmp_path, text)) == days


def test_texts_of_messages_that_are_done_go_and_what_was_sent_is_still_not_sent_again(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    ledger = ledgers.open_ledger(settings.ledger)
    with ledger.begin() as connection:
        for key, state, at in (("old", "delivered", LONG_AGO), ("waits", "waiting", LONG_AGO), ("new", "delivered", NOW)):
            outbox.put(connection, key=key, channel="mail", notice='{"long": "text"}', at=at)
            connection.execute(sql.update(outbox.outbox).where(outbox.outbox.c.key == key).values(state=state, attempts=1))
            connection.execute(sql.insert(outbox.attempts).values(
                key=key, channel="mail", number=1, owner="me:1:1", started_at=ledgers.text(at), lease_until="", ended_at=ledgers.text(at), outcome="delivered"))
        for thread, at in (("old", LONG_AGO), ("new", NOW)):
            outbox.begin_thread(connection, channel="chat", thread=thread, posted="C:1", at=at)
    dry = {one.what: (one.count, one.size) for one in retention.plan(settings, ledger, None)}
    assert dry == {"texts of messages that are finished": (1, 16), "attempts to deliver": (1, 0), "threads of messages": (1, 3)}
    assert went(settings) == {"texts of messages that are finished": 1, "attempts to deliver": 1, "threads of messages": 1} and went(settings) == {}
    with ledger.begin() as connection:
        assert dict(connection.execute(sql.select(outbox.outbox.c.key, outbox.outbox.c.notice)).tuples().all()) == {
            "old": "", "waits": '{"long": "text"}', "new": '{"long": "text"}'}
        assert sorted(connection.execute(sql.select(outbox.attempts.c.key)).scalars()) == ["new", "waits"]
        assert list(connection.execute(sql.select(outbox.threads.c.thread)).scalars()) == ["new"]
        assert not outbox.put(connection, key="old", channel="mail", notice="again", at=NOW)


def test_old_reports_and_comparisons_go_but_for_gaps_that_are_still_to_be_read(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    ledger = ledgers.open_ledger(settings.ledger)
    for run, at in (("old", LONG_AGO), ("new", NOW)):
        ledgers.start_night(ledger, run=run, as_of=f"{at:%Y-%m-%d}", at=at)
        ledgers.end_night(ledger, run=run, at=at, state="published", version="v", report={"message": "fine"})
    base = Comparison(source="erp", stream="orders", day=LONG_AGO.date(), part="recent", kind="test", compared_at=LONG_AGO)
    remember(ledger, [base, replace(base, stream="gaps", missing=2, gap_start=LONG_AGO, gap_end=NOW), replace(base, day=NOW.date())])
    assert went(settings) == {"reports of nights": 1, "comparisons with sources": 1} and went(settings) == {}
    assert [(night["run"], night["state"], night["report"]) for night in ledgers.list_nights(ledger)] == [
        ("new", "published", {"message": "fine"}), ("old", "published", None)]
    assert sorted((one.stream, one.day) for one in compared(ledger)) == [("gaps", LONG_AGO.date()), ("orders", NOW.date())]


def test_a_file_that_was_left_out_goes_once_its_window_was_read_again_and_not_before(tmp_path: Path) -> None:
    truth, settings = truth_of(6), settings_at(tmp_path, now=NOW + timedelta(days=500))
    store = store_at(tmp_path)
    ingest.ingest_stream(truth, ORDERS, store)
    (first,) = ledgers.list_batches(store.ledger)
    ledgers.judge_batch(store.ledger, source="erp", stream="orders", batch=first["batch"], verdict="rejected", reason="test")
    assert went(settings) == {} and (store.landing / first["path"]).is_file(), "nobody has read its window again"
    ingest.ingest_stream(truth, ORDERS, store_at(tmp_path, NOW + timedelta(days=1)))
    assert went(settings) == {"files that were left out": 1} and went(settings) == {}
    kept = [row for row in ledgers.list_batches(store.ledger) if (store.landing / row["path"]).is_file()]
    assert {line["key"] for row in kept for line in landings.read_lines(store.landing / row["path"])} == set(map(str, truth.records))


def test_a_log_is_emptied_in_place_its_last_part_is_kept_and_its_writer_writes_on(tmp_path: Path) -> None:
    settings = settings_at(tmp_path, "[retention]\nlog_megabytes = 1")
    log = tmp_path / "prefect" / "server.log"
    log.parent.mkdir()
    with log.open("ab", buffering=0) as writer:
        writer.write(b"".join(b"line %06d\n" % number for number in range(200_000)))
        assert went(settings) == {"log server.log, of which the last part is kept as server.log.1": 1} and went(settings) == {}
        writer.write(b"goes on\n")
    kept = (tmp_path / "prefect" / "server.log.1").read_bytes().splitlines()
    assert log.read_bytes() == b"goes on\n" and kept[-1] == b"line 199999" and len(kept[0]) == 11 and 900_000 < len(kept) * 12 <= 1_000_000


def test_prefect_forgets_old_finished_runs_of_this_deployment_alone(tmp_path: Path, prefect_api: str) -> None:
    settings = settings_at(tmp_path)
    prefect = Prefect(api=prefect_api, config=str(settings.path))
    flow = prefect.ask("flows/", {"name": "heal"})["id"]

    def run(config: str, kind: str) -> str:
        made = prefect.ask("flow_runs/", {"flow_id": flow, "parameters": {"config": config}, "state": {"type": "PENDING"}})["id"]
        for state in ("RUNNING", kind):
            prefect.ask(f"flow_runs/{made}/set_state", {"state": {"type": state}, "force": True})
        return str(made)

    mine = str(settings.path)
    done, failed, running, others = run(mine, "COMPLETED"), run(mine, "FAILED"), run(mine, "RUNNING"), run("other.toml", "COMPLETED")
    ledger, now = ledgers.open_ledger(settings.ledger), datetime.now(UTC)
    assert not list(retention.plan(settings, ledger, prefect, wall=now + timedelta(days=59)))
    (goes,) = retention.plan(settings, ledger, prefect, wall=now + timedelta(days=61))
    assert (goes.what, goes.count) == ("finished runs", 2)
    goes.go()
    there = [PREFECT.get(f"{prefect_api}/flow_runs/{one}", timeout=10).status_code for one in (done, failed, running, others)]
    assert there == [404, 404, 200, 200] and not list(retention.plan(settings, ledger, prefect, wall=now + timedelta(days=61)))


def uses(*used: int, free: int = 1000) -> list[Use]:
    return [Use(at=NOW, rooms={"landing": size, "logs": 5}, free=free) for size in used]


@pytest.mark.parametrize(("measured", "nights", "said"), [
    (uses(10), None, "how much a night adds shows after the second"), (uses(10, 30, 50), 50, "a night adds 20 bytes: full in 50 nights"),
    (uses(10, 5000, 5020, 5040, 100, 120), 50, "a night adds 20 bytes"),        # a first load and a pruning are not growth
    (uses(50, 40), None, "does not grow"), (uses(10, 110, free=200), 2, "full in 2 nights")])
def test_when_the_disk_is_full_follows_from_what_nights_add(measured: list[Use], nights: int | None, said: str) -> None:
    found = disk_use.forecast(measured)
    assert (found.nights_left, found.is_near) == (nights, nights is not None and nights < 30) and said in found.sentence


KILL = """
import os, signal
import flows.retention as r
from flows.store import published as p
{what}
"""
DEATHS = {
    "between hiding a version and removing it": "remove = p.remove_tree\np.remove_tree = lambda path: os.kill(os.getpid(), signal.SIGKILL)",
    "before the left-out files": "r._unlink = lambda files: os.kill(os.getpid(), signal.SIGKILL)",
    "before the ledger": "r.expired.night_reports = lambda *a, remove: os.kill(os.getpid(), signal.SIGKILL) if remove else r.expired.Expired(rows=1, size=1)",
}


def test_killed_while_it_takes_away_everything_that_a_build_reads_stays_and_the_next_run_takes_the_rest(tmp_path: Path) -> None:
    """A build reads what landed and was not left out, and nothing else: that rebuilding from it gives the same marts, test_night_recovers.py shows."""
    store = store_at(tmp_path)
    ingest.ingest_stream(truth_of(6), ORDERS, store)
    (first,) = ledgers.list_batches(store.ledger)
    ledgers.judge_batch(store.ledger, source="erp", stream="orders", batch=first["batch"], verdict="rejected", reason="test")
    ingest.ingest_stream(truth_of(6), ORDERS, store_at(tmp_path, NOW + timedelta(days=1)))
    (read,) = [row for row in ledgers.list_batches(store.ledger) if row["verdict"] != "rejected"]
    for number in (1, 2, 3, 4):
        put_out(tmp_path / "published", number)
    ledgers.start_night(store.ledger, run="old", as_of="2026-03-01", at=NOW)
    ledgers.end_night(store.ledger, run="old", at=NOW, state="published", version="v", report={"message": "fine"})
    later = datetime.now(UTC) + timedelta(days=2000)
    (tmp_path / "clock").write_text(f"{later.isoformat()} {datetime.now(UTC).isoformat()}\n")
    settings = settings_at(tmp_path, 'clock_file = "clock"\n[retention]\nversions_days = 1\nrejected_days = 30\nnights_days = 120', now=NOW)

    def prune(prelude: str = "") -> subprocess.CompletedProcess[str]:
        program = f"import sys\n{prelude}\nfrom flows.cli import main\nmain()"
        return subprocess.run([sys.executable, "-c", program, "prune", "--config", str(settings.path)], capture_output=True, text=True, check=False,
                              env={name: value for name, value in os.environ.items() if not name.startswith("PREFECT")})

    for where, what in DEATHS.items():
        killed = prune(KILL.format(what=what))
        assert killed.returncode == -9, (where, killed.stdout + killed.stderr)
        assert landings.checksum(store.landing / read["path"]) == read["sha256"] and published.current(settings.published) is not None, where
    assert (store.landing / first["path"]).exists() is False, "the third death came behind it"
    done = prune()
    assert done.returncode == 0 and "reports of nights" in done.stdout, done.stdout + done.stderr
    assert prune().stdout.startswith("nothing is older than it may be")
    assert len(published.version_names(settings.published)) == 2 and published.current_name(settings.published) == published.version_names(settings.published)[-1]
    assert {line["key"] for line in landings.read_lines(store.landing / read["path"])} == set(map(str, truth_of(6).records))


def test_the_environment_is_not_needed_to_say_what_would_go(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    done = subprocess.run([sys.executable, "-m", "flows.cli", "prune", "--dry-run", "--config", str(settings.path)], capture_output=True, text=True, check=False,
                          env={name: value for name, value in os.environ.items() if not name.startswith("PREFECT")})
    assert done.returncode == 0 and "nothing is older" in done.stdout and "Prefect's history was not looked at" in done.stdout, done.stdout + done.stderr
