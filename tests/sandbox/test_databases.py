"""The databases that tests and sandbox start are real, private and gone afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox import apt, databases
from sandbox.databases import Database

STARTER = """
import sys
from sandbox import databases
with getattr(databases, sys.argv[1])() as database:
    print(database.folder, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(params=["postgres_server", "mariadb_server"])
def server(request: pytest.FixtureRequest) -> Database:
    return request.getfixturevalue(request.param)


def test_it_is_the_vendors_own_server_and_holds_unicode(server: Database) -> None:
    said = server.run("select version()")
    assert {"postgresql": "PostgreSQL", "mariadb": "MariaDB"}[server.kind] in said
    assert server.run("select '统一码 🚚'") == "统一码 🚚"


def test_two_databases_of_one_server_share_nothing(server: Database) -> None:
    first, second = server.another("first"), server.another("second")
    first.run("create table orders (id int)")
    with pytest.raises(RuntimeError, match="orders"):
        second.run("select * from orders")


def test_its_password_is_needed_and_not_shown(server: Database) -> None:
    assert server.password not in repr(server)
    with pytest.raises(RuntimeError):
        databases.replace(server, password="wrong").run("select 1")


def test_a_replica_follows_and_takes_no_writes(postgres_server: Database) -> None:
    first = postgres_server.another("followed")
    with databases.postgres(replica_of=first) as replica:
        first.run("create table orders (id int)")
        until = time.monotonic() + 20
        while replica.run("select to_regclass('orders') is not null") != "t" and time.monotonic() < until:
            time.sleep(0.1)
        assert replica.run("select count(*) from orders") == "0"
        with pytest.raises(RuntimeError, match="read-only"):
            replica.run("insert into orders values (1)")


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_killed_test_leaves_no_server_behind(kind: str, postgres_server: Database, mariadb_server: Database) -> None:
    process = subprocess.Popen([sys.executable, "-c", STARTER, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    assert servers_in(folder)
    process.send_signal(signal.SIGKILL)
    process.wait()
    until = time.monotonic() + 30
    while servers_in(folder) and time.monotonic() < until:
        time.sleep(0.1)
    assert not servers_in(folder)
    databases.shutil.rmtree(folder)


def servers_in(folder: Path) -> list[int]:
    """Processes whose command line names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                command = entry.joinpath("cmdline").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in command:
                found.append(int(entry.name))
    return found


def test_where_there_is_no_apt_the_reason_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "is_installed", lambda kind: False)
    monkeypatch.setattr(apt.shutil, "which", lambda name, **_: None)
    with pytest.raises(databases.CannotInstall, match="needs Debian's apt"):
        databases.install("postgresql")


def test_without_root_it_says_what_root_runs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "is_installed", lambda kind: False)
    monkeypatch.setattr(apt.shutil, "which", lambda name, **_: "/usr/bin/apt-get")
    monkeypatch.setattr(apt.os, "geteuid", lambda: 1000)

    with pytest.raises(databases.CannotInstall, match="sudo python3 -m sandbox.databases install"):
        databases.install("mariadb")
