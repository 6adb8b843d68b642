"""Fills a home folder's database: from the cache when the same plan was loaded before, else through RT's own Perl API."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

from sandbox.company.plan import Plan
from sandbox.request_tracker import operations, rows
from sandbox.request_tracker.home import (
    LIBRARY,
    TOKEN_VARIABLE,
    WRITE_TOKEN_VARIABLE,
    Home,
    configure,
    prepare,
    read_facts,
    write_agreements,
    write_facts,
    write_secrets,
)

HERE = Path(__file__).parent
LAST_OF_THE_STORY = 900_000
MAKERS = ("loader.pl", "operations.py", "rows.py", "home.py", "load.py")    # what decides how a plan becomes a database


class SandboxError(Exception):
    """Request Tracker could not be filled or started; the text says what failed and where to look."""


def fake_clock(at: datetime) -> dict[str, str]:
    """Environment that makes a program and its children believe it is `at` when it starts, ticking on from there."""
    libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not libraries:
        raise SandboxError("libfaketime is missing: run `python -m sandbox.request_tracker install`")
    # Without the last one, waits (select, alarms) would be measured on the false clock too.
    return {"LD_PRELOAD": str(libraries[0]), "FAKETIME": f"@{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def load(plan: Plan, home: Home, *, cache: Path | None = None, newest: int | None = None) -> dict[str, Any]:
    """Makes the home's database hold exactly `plan`. Returns the facts (also in request_tracker.json); secrets go to secrets.env.

    cache: folder of prepared databases; a plan loaded before with the same scripts is unpacked from there.
    newest: only the tickets created last, so many.
    """
    started = time.monotonic()
    plan = dataclasses.replace(plan, tickets=tuple(sorted(plan.tickets, key=lambda ticket: ticket.created_at)[-newest:] if newest else plan.tickets))
    prepare(home)
    write_agreements(home, plan)
    port = int(read_facts(home).get("port") or 1)
    configure(home, port=port)
    script = home.base / "history.jsonl"
    count = operations.write(script, [*operations.setup(plan), *operations.history(plan)])
    for leftover in ("", "-wal", "-shm", "-journal"):
        home.database.with_name(home.database.name + leftover).unlink(missing_ok=True)
    stored = cache / f"request_tracker-{digest(home, script)}.sqlite.gz" if cache else None
    from_cache = stored is not None and stored.exists()
    if stored is not None and from_cache:
        with gzip.open(stored, "rb") as packed, home.database.open("wb") as out:
            shutil.copyfileobj(packed, out, 1 << 20)
    else:
        initialise(home, datetime.combine(plan.starts_on, time_of_day(), tzinfo=UTC) - timedelta(days=2))
        run_operations(home, operations.setup(plan), together=0)
        old, young = operations.split(plan)
        rows.perform(home.database, operations.without_levels(operations.history(old)))
        # RT's joins over a hundred thousand rows take SQLite seconds a ticket until it knows how the rows are spread.
        with closing(sqlite3.connect(home.database)) as database:
            database.execute("analyze")
            database.commit()
        if young.tickets:
            run_operations(home, operations.history(young), together=0)
        if stored is not None:
            _store(home.database, stored)
    script.unlink()
    now = datetime.combine(plan.ends_on + timedelta(days=1), time_of_day(2, 30), tzinfo=UTC)
    make_secrets(home, now)
    _leave_room(home)
    return write_facts(home, {
        "kind": "request_tracker", "company": plan.company, "now": now.isoformat(), "tickets": len(plan.tickets), "operations": count,
        "lived_until": plan.ends_on.isoformat(), "oldest_ticket": min((operations.ticket_id(ticket.number) for ticket in plan.tickets), default=0),
        "token_env": TOKEN_VARIABLE, "write_token_env": WRITE_TOKEN_VARIABLE, "secrets": str(home.secrets),
        "from_cache": from_cache, "load_seconds": round(time.monotonic() - started, 1),
    })


def _leave_room(home: Home) -> None:
    """The story's tickets have its own numbers, and RT gives a new one the number behind the highest: a deleted ticket far ahead keeps what people and
    automations open there out of the story's way."""
    with closing(sqlite3.connect(home.database)) as database:
        database.execute(
            "insert into Tickets (id, EffectiveId, Queue, Type, Subject, Status, Owner, Creator, LastUpdatedBy) "
            "select :id, :id, 1, 'ticket', 'Numbers up to here', 'deleted', id, 1, 1 from Users where Name = 'Nobody'", {"id": LAST_OF_THE_STORY})
        database.commit()


def make_secrets(home: Home, now: datetime) -> None:
    """New password of root and new tokens of both accounts; the old ones stop working at once."""
    password = secrets.token_urlsafe(18)
    at = int(now.timestamp())
    answer = run_operations(home, [
        {"at": at, "do": "password", "name": "root", "password": password},
        {"at": at, "do": "token", "name": operations.READER},
        {"at": at, "do": "token", "name": operations.WRITER},
    ])
    tokens = {entry["name"]: entry["token"] for entry in answer["tokens"]}
    write_secrets(home, {
        TOKEN_VARIABLE: tokens[operations.READER], WRITE_TOKEN_VARIABLE: tokens[operations.WRITER], "REQUEST_TRACKER_ROOT_PASSWORD": password,
    })


def run_operations(home: Home, what: Iterable[operations.Operation], *, together: int = 20) -> dict[str, Any]:
    """Performs operations while the server may be running: `together` of them in one database transaction."""
    script = home.base / f"operations-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
    try:
        operations.write(script, what)
        return run(home, script, together=together)
    finally:
        script.unlink(missing_ok=True)


def run(home: Home, script: Path, *, together: int = 0) -> dict[str, Any]:
    """loader.pl on `script`; what it answers."""
    done = subprocess.run(
        ["perl", f"-I{LIBRARY}", str(HERE / "loader.pl"), str(script)], cwd=home.base, check=False, capture_output=True, text=True,
        env={**home.environment(), "OPERATIONS_TOGETHER": str(together)},
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise SandboxError(f"Request Tracker refused: {said[-1] if said else 'no reason given'}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def digest(home: Home, script: Path) -> str:
    """Name of the database that `script` leads to: over the operations, the makers' own text, and RT's version."""
    total = hashlib.sha256(script.read_bytes())
    for name in MAKERS:
        total.update((HERE / name).read_bytes())
    total.update(home.agreements.read_bytes())
    total.update(rt_version().encode())
    return total.hexdigest()[:24]


def rt_version() -> str:
    """Version of the installed Debian package."""
    shown = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "request-tracker5"], capture_output=True, text=True, check=False)
    return shown.stdout.strip() or "unknown"


def initialise(home: Home, at: datetime) -> None:
    """An empty database with RT's own basics, as if set up at `at`."""
    password = home.base / "first-password"
    password.touch(mode=0o600)
    password.write_text(secrets.token_urlsafe(18), encoding="utf-8")
    try:
        done = subprocess.run(
            ["rt-setup-database-5", "--action", "init", "--skip-create", "--root-password-file", str(password)], cwd=home.base, check=False,
            capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**home.environment(), **fake_clock(at)},
        )
    finally:
        password.unlink()
    if done.returncode != 0 or not home.database.exists():
        raise SandboxError(f"rt-setup-database-5 failed: {(done.stderr or done.stdout).strip()[-400:]}")


def _store(database: Path, stored: Path) -> None:
    stored.parent.mkdir(parents=True, exist_ok=True)
    aside = stored.with_suffix(f".{os.getpid()}.new")
    with database.open("rb") as plain, gzip.open(aside, "wb", compresslevel=3) as packed:
        shutil.copyfileobj(plain, packed, 1 << 20)
    aside.replace(stored)
