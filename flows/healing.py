"""Healing: what a night left behind that it cannot mend itself, found without asking any event, and mended where no person is needed.

Leases end with their process, a lost warehouse is built anew from the landing, and a reading goes on behind its last page: none of that is here. Here is what
stays wrong because nobody looks: a run that Prefect shows as running for ever, a slot that nobody holds, a night that nobody started, marts that are late, a
file that rotted.
`meridian doctor` shows it, `--fix` mends it, and the deployment `heal` does so every half hour.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests
from cronsim import CronSim

from flows import lateness, up
from flows.settings import Settings
from flows.store import grid, jobs, leases, shares
from flows.store import ledger as ledgers
from flows.store.landing import checksum

PATIENCE = timedelta(minutes=15)      # a run that has just begun has not told the ledger yet; a night may begin late
LOOKED_AT = timedelta(days=35)        # what landed in these days is read and summed up; of older files the size is looked at
GONE = "is gone"
BUSY_PAUSES = (1.0, 2.0, 4.0, 8.0)    # seconds
HOLDING = ("PENDING", "RUNNING", "CANCELLING")      # states of runs that hold a slot of their deployment
AGAIN = "again after"                 # how the idempotency key of a run begins that takes the place of a dead one: it is not repeated once more


@dataclass(frozen=True, kw_only=True)
class Ailment:
    """fix: mends it and says what it did; None: a person has to."""

    subject: str
    detail: str
    mend: str
    fix: Callable[[], str] | None = None


@dataclass(frozen=True, kw_only=True)
class Prefect:
    """The part of Prefect's REST API that is needed, of one configuration's runs: a server may serve several."""

    api: str
    config: str
    auth: str = field(default="", repr=False)

    def ask(self, path: str, body: Any) -> Any:
        """A server whose database is busy (SQLite, a loaded machine) says so, having done nothing, and is asked again. Raises requests.RequestException."""
        for pause in (*BUSY_PAUSES, None):
            answer = requests.post(f"{self.api}/{path}", json=body, headers=up.auth_header(self.auth), timeout=20)
            if answer.status_code not in (429, 503) or pause is None:
                break
            time.sleep(pause)
        answer.raise_for_status()
        return answer.json()

    def runs(self, state: dict[str, Any], *flows: str) -> list[dict[str, Any]]:
        found = self.ask("flow_runs/filter", {"flow_runs": {"state": state}, "flows": {"name": {"any_": flows}}, "sort": "EXPECTED_START_TIME_ASC"})
        return [run for run in found if (run.get("parameters") or {}).get("config") == self.config]

    def deployment(self, name: str) -> dict[str, Any] | None:
        found = self.ask("deployments/filter", {"deployments": {"name": {"any_": [name]}}})
        return next((one for one in found if one["parameters"].get("config") == self.config), None)

    def holding(self, deployment: str) -> set[str]:
        """The deployment's runs that may hold a slot just now."""
        asked = {"flow_runs": {"deployment_id": {"any_": [deployment]}, "state": {"type": {"any_": HOLDING}}}}
        return {run["id"] for run in self.ask("flow_runs/filter", asked)}

    def limits(self) -> dict[str, dict[str, Any]]:
        """id of each deployment of this configuration with a concurrency limit of its own -> that limit."""
        mine = {f"deployment:{one['id']}": one["id"] for one in self.ask("deployments/filter", {}) if one["parameters"].get("config") == self.config}
        return {mine[limit["name"]]: limit for limit in self.ask("v2/concurrency_limits/filter", {}) if limit["name"] in mine}

    def state_of(self, run: str) -> str:
        """Type of a run's state; '' when it is not there or the server does not answer."""
        try:
            found = self.ask("flow_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
        except requests.RequestException:
            return ""
        return str(found[0]["state"]["type"]) if found else ""

    def set_state(self, run: str, kind: str, message: str) -> None:
        self.ask(f"flow_runs/{run}/set_state", {"state": {"type": kind, "name": kind.capitalize(), "message": message}, "force": True})

    def start(self, deployment: str, key: str, parameters: dict[str, Any]) -> None:
        """Once for each key, however often it is asked: Prefect returns the run that there is."""
        self.ask(f"deployments/{deployment}/create_flow_run", {"idempotency_key": key, "parameters": parameters, "state": {"type": "SCHEDULED"}})


def reached(settings: Settings) -> Prefect | None:
    """The Prefect server of this deployment; None when it does not run."""
    running, given = up.find(settings, "server"), os.environ.get("PREFECT_API_URL")
    api = given or (up.api_url(running.port) if running else None)
    # What is asked for at an address of the environment stands there, too; a run of our own worker has it from there.
    auth = os.environ.get(up.AUTH_VARIABLE, "") if given else up.auth_of(settings)
    return Prefect(api=api, config=str(settings.path), auth=auth) if api and up.is_answering(api) else None


def ailments(settings: Settings, ledger: ledgers.Ledger, prefect: Prefect | None, *, wall: datetime | None = None) -> Iterator[Ailment]:
    """What is wrong just now. Changes nothing. wall: the instant by the clock that Prefect goes by, which a sandbox's company does not."""
    now = settings.clock()
    if prefect is not None:
        yield from _dead_runs(ledger, prefect, now, wall or datetime.now(UTC))
        yield from _leaked_slots(prefect, wall or datetime.now(UTC))
        yield from _missed_night(settings, ledger, prefect, now)
    yield from _late_marts(settings, ledger, now)
    yield from _rotten_files(settings, ledger, now)


def _dead_runs(ledger: ledgers.Ledger, prefect: Prefect, now: datetime, wall: datetime) -> Iterator[Ailment]:
    """Running by what Prefect believes, while no process of ours does it: killed together with the worker that would have told."""
    alive = {night["run"] for night in ledgers.list_nights(ledger, limit=5) if night["state"] == "running" and leases.holder(ledger, "night", now=now)}
    alive |= {job.run for job in jobs.last(ledger) if job.state == "running" and leases.holder(ledger, grid.LEASE, now=now)}
    is_waited_for = leases.holder(ledger, grid.LEASE, now=now) is not None       # a backfill, by a night that is to begin
    for run in prefect.runs({"type": {"any_": HOLDING}}, "read"):               # a source of a night, read by another host
        if leases.holder(ledger, shares.lease_of(str(run["parameters"].get("source"))), now=now) is None and wall - _began(run) >= PATIENCE:
            yield _dead(run, "set it to Crashed", partial(_bury, prefect, run, False))       # its night has read the source itself
    newest = max((night["started_at"] for night in ledgers.list_nights(ledger, limit=1)), default="")
    for run in prefect.runs({"type": {"any_": HOLDING}}, "nightly", "backfill"):
        if run["id"] in alive or wall - _began(run) < PATIENCE:
            continue
        mine = next((night for night in ledgers.list_nights(ledger, limit=50) if night["run"] == run["id"]), None)
        if mine is None and is_waited_for:
            continue                    # for up to two hours, before it tells the ledger
        is_newest = mine is not None and mine["started_at"] == newest and mine["state"] in ("running", "interrupted")
        again = is_newest and run["deployment_id"] and not (run["idempotency_key"] or "").startswith(AGAIN)
        yield _dead(run, "set it to Crashed" + (" and start that night once more" if again else ""), partial(_bury, prefect, run, bool(again)))


def _began(run: Mapping[str, Any]) -> datetime:
    """One that waits for its process since its worker died never started."""
    return _instant(run["start_time"] or run["state"]["timestamp"])


def _dead(run: Mapping[str, Any], mend: str, fix: Callable[[], str]) -> Ailment:
    detail = f"Prefect shows it as {run['state']['name']} since {_began(run):%Y-%m-%d %H:%M} UTC, and its process is gone"
    return Ailment(subject=f"run {run['name']}", detail=detail, mend=mend, fix=fix)


def _instant(written: str) -> datetime:
    return datetime.fromisoformat(written.replace("Z", "+00:00"))


def _leaked_slots(prefect: Prefect, wall: datetime) -> Iterator[Ailment]:
    """Slots of a deployment's concurrency limit that no run holds. A run's own is freed by Prefect when its state ends, a deleted run's and one of a server
    that was killed and forgot its leases included; what took one beside a run and died (workers before Prefect 3.2, code that counts a limit up) frees nothing.
    A limit that changed in the last minutes is left alone: Prefect frees a slot five minutes behind the end of its lease, and freed twice it would be
    somebody else's.
    """
    for deployment, limit in prefect.limits().items():
        before = prefect.holding(deployment)
        taken, changed = next((int(one["active_slots"]), _instant(one["updated"])) for one in prefect.limits().values() if one["id"] == limit["id"])
        leaked = taken - len(before | prefect.holding(deployment))        # who held one as the slots were counted is in one of both
        if leaked > 0 and wall - changed >= PATIENCE:
            yield Ailment(
                subject="slots", detail=f"{leaked} of {limit['limit']} slots of {limit['name']} are taken, and no run holds them: new runs wait for ever",
                mend="let go of them", fix=partial(_let_go, prefect, limit["name"], leaked))


def _let_go(prefect: Prefect, limit: str, slots: int) -> str:
    prefect.ask("v2/concurrency_limits/decrement", {"names": [limit], "slots": slots})
    return f"{slots} let go"


def _bury(prefect: Prefect, run: dict[str, Any], again: bool) -> str:
    prefect.set_state(run["id"], "CRASHED", "its process is gone")
    if not again:
        return "set to Crashed"
    prefect.start(run["deployment_id"], f"{AGAIN} {run['id']}", run["parameters"])
    return "set to Crashed, and that night is started once more"


def _missed_night(settings: Settings, ledger: ledgers.Ledger, prefect: Prefect, now: datetime) -> Iterator[Ailment]:
    """A night whose time came while the machine was off. However many were missed, one makes up for all of them: it reads from where the last one stopped."""
    deployment = prefect.deployment("nightly")
    if deployment is None or deployment["paused"]:
        return
    waiting = [run for run in prefect.runs({"name": {"any_": ["Late"]}}, "nightly") if run["deployment_id"] == deployment["id"]]
    if len(waiting) > 1:
        yield Ailment(subject="missed nights", detail=f"{len(waiting)} nights wait to be made up", mend="one is enough: cancel the older ones",
                      fix=lambda: _cancel(prefect, waiting[:-1]))
    due = last_due(settings, now)
    nights = ledgers.list_nights(ledger, limit=1)
    if nights and nights[0]["state"] == "stopped" and not waiting:
        yield Ailment(
            subject="stopped night", detail=f"the night of {nights[0]['started_at'][:16]} UTC was told to end, and none has run since",
            mend="start it again: `meridian nightly`", fix=lambda: _make_up(prefect, deployment, f"stopped {nights[0]['run']}"))
        return
    if nights and not waiting and now - due > PATIENCE and nights[0]["started_at"] < (ledgers.text(due) or ""):
        yield Ailment(
            subject="missed night", detail=f"no night has begun since {due:%Y-%m-%d %H:%M %Z}, when one was due", mend="start it now: `meridian nightly`",
            fix=lambda: _make_up(prefect, deployment, f"missed {due.isoformat()}"))


def last_due(settings: Settings, now: datetime) -> datetime:
    """When a night was to begin last. In the hour that summer time leaves out: behind it; in the hour that comes twice: the first time."""
    night = settings.configuration.night
    zone = ZoneInfo(night.time_zone) if night.time_zone else settings.zone
    return next(CronSim(night.schedule, (now + timedelta(seconds=1)).astimezone(zone), reverse=True))


def _cancel(prefect: Prefect, runs: list[dict[str, Any]]) -> str:
    for run in runs:
        prefect.set_state(run["id"], "CANCELLED", "a later night makes up for it")
    return f"cancelled {len(runs)}"


def _make_up(prefect: Prefect, deployment: dict[str, Any], key: str) -> str:
    prefect.start(deployment["id"], key, deployment["parameters"])
    return "started"


def _late_marts(settings: Settings, ledger: ledgers.Ledger, now: datetime) -> Iterator[Ailment]:
    if found := lateness.late(settings, now):
        yield Ailment(subject="late marts", mend="`meridian status` says what keeps them; `meridian nightly` runs one now",
                      detail=f"{found.sentence}. {lateness.last_night(ledger)}")


def _rotten_files(settings: Settings, ledger: ledgers.Ledger, now: datetime) -> Iterator[Ailment]:
    """Landed files that are not what was landed."""
    since, is_shared = ledgers.text(now - LOOKED_AT) or "", settings.configuration.state.store is not None
    rotten = [row for row in ledgers.list_batches(ledger) if row["verdict"] != "rejected" and (wrong := _wrong_with(settings.landing / row["path"], row, since))
              and row.update(wrong=wrong) is None and not (is_shared and wrong == GONE)]     # what is not here is in the store
    if rotten:
        named = "; ".join(f"{row['path']} {row['wrong']}" for row in rotten[:3]) + ("; ..." if len(rotten) > 3 else "")
        if is_shared:
            yield Ailment(subject="landing", detail=f"{len(rotten)} files here are not what was landed: {named}", mend="take them from the store again",
                          fix=lambda: _take_away(settings, rotten))
            return
        yield Ailment(subject="landing", detail=f"{len(rotten)} files are not what was landed: {named}",
                      mend="leave them out and read their windows again", fix=lambda: _read_again(ledger, rotten))


def _wrong_with(path: Path, row: dict[str, Any], since: str) -> str | None:
    try:
        if path.stat().st_size != row["size"]:
            return f"has {path.stat().st_size:,} bytes of {row['size']:,}"
        if row["landed_at"] >= since:
            return None if checksum(path) == row["sha256"] else "has another checksum"
    except FileNotFoundError:
        return GONE
    return None


def _take_away(settings: Settings, rotten: list[dict[str, Any]]) -> str:
    for row in rotten:
        (settings.landing / row["path"]).unlink(missing_ok=True)
    return f"{len(rotten)} taken away; whoever reads or builds here brings them again"


def _read_again(ledger: ledgers.Ledger, rotten: list[dict[str, Any]]) -> str:
    for row in rotten:
        ledgers.judge_batch(ledger, source=row["source"], stream=row["stream"], batch=row["batch"], verdict="rejected", decided_by="healing",
                            reason=f"its file {row['wrong']}")
    return f"{len(rotten)} left out; the next night reads their windows again"
