"""A real PostgreSQL or MariaDB of one's own, from Debian's packages: in a folder of its own, on a free port of 127.0.0.1, gone when it is not needed any more.

    with databases.postgres() as database:
        database.run("create table orders (id int primary key)")
        engine = sqlalchemy.create_engine(database.url)

    python3 -m sandbox.databases install        # what .ci/run does; needs apt and root

PostgreSQL refuses to run as root, so under root both run as the system user that their package made. The kernel ends them with the process that
started them, even when that one is killed. Nothing is synced to the disk: this is for trying things, a power cut may take all of it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from sandbox import apt
from sandbox.apt import CannotInstall

Kind = Literal["postgresql", "mariadb"]
PACKAGES: dict[Kind, tuple[str, ...]] = {"postgresql": ("postgresql",), "mariadb": ("mariadb-server",)}
TOOLS: dict[Kind, tuple[str, ...]] = {"postgresql": ("initdb", "postgres", "psql", "pg_basebackup"), "mariadb": ("mariadb-install-db", "mariadbd", "mariadb")}
SYSTEM_USER: dict[Kind, str] = {"postgresql": "postgres", "mariadb": "mysql"}
STOP: dict[Kind, signal.Signals] = {"postgresql": signal.SIGINT, "mariadb": signal.SIGTERM}     # without waiting for clients that are still connected
READY_WITHIN = 60.0     # seconds


@dataclass(frozen=True, kw_only=True)
class Database:
    """One database of a running server. The user owns it and may do everything on the server. folder: its files; log: what the server says."""

    kind: Kind
    port: int
    folder: Path
    user: str = "meridian"
    password: str = field(repr=False)
    name: str = "meridian"

    @property
    def url(self) -> str:
        """As SQLAlchemy and the `sql` source take it, without a driver's name."""
        return self.url_for(self.user, self.password)

    def url_for(self, user: str, password: str) -> str:
        return f"{self.kind}://{user}:{password}@127.0.0.1:{self.port}/{self.name}"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def run(self, statements: str) -> str:
        """Run SQL by the vendor's own client; returns what it prints, values tab-separated. Raises RuntimeError with the server's words."""
        command, environment = _client(self)
        done = subprocess.run(command, input=statements, text=True, capture_output=True, env={**os.environ, **environment}, check=False)
        if done.returncode:
            raise RuntimeError(f"{self.kind}: {done.stderr.strip()}")
        return done.stdout.strip()

    def another(self, name: str) -> Database:
        """A fresh, empty database `name` on the same server."""
        self.run(f"drop database if exists {name}; create database {name};" if self.kind == "mariadb" else f"create database {name}")
        return replace(self, name=name)


def is_installed(kind: Kind) -> bool:
    return all(_tool(name) for name in TOOLS[kind])


def install(kind: Kind, *, log: Path | None = None) -> None:
    """Install what is missing. Raises CannotInstall where this machine cannot, RuntimeError when apt failed."""
    if is_installed(kind):
        return
    reason = apt.why_not(kind, "python3 -m sandbox.databases install")
    if reason:
        raise CannotInstall(reason)
    apt.install(kind, PACKAGES[kind], lambda: is_installed(kind), log=log)


@contextmanager
def postgres(*, replica_of: Database | None = None, settings: Sequence[str] = ()) -> Iterator[Database]:
    """A running PostgreSQL. replica_of: follow that one by streaming replication, read-only. settings: as `name=value`, for the server."""
    with _folder("postgresql") as folder:
        data = folder / "data"
        password = replica_of.password if replica_of else secrets.token_hex(16)
        if replica_of:
            source = f"host=127.0.0.1 port={replica_of.port} user={replica_of.user} password={password} dbname={replica_of.name}"
            _make("postgresql", folder, [_tool("pg_basebackup"), "-d", source, "-D", data, "-R", "-X", "stream", "-c", "fast"])
        else:
            secret = folder / "password"
            secret.write_text(password, encoding="utf-8")
            shutil.chown(secret, *_owner("postgresql"))
            _make("postgresql", folder, [_tool("initdb"), "-D", data, "-U", "meridian", f"--pwfile={secret}", "--auth=scram-sha-256",
                                         "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
            secret.unlink()
        own = ("listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "fsync=off", "full_page_writes=off",
               "wal_retrieve_retry_interval=100ms", *settings)     # a standby that asks too early would wait five seconds
        command = [_tool("postgres"), "-D", str(data), *(part for setting in own for part in ("-c", setting))]
        with _serving(Database(kind="postgresql", port=0, folder=folder, password=password, name="postgres"), command, "-p") as server:
            if not replica_of:
                server.run("create database meridian")
            yield replace(server, name=replica_of.name if replica_of else "meridian")


@contextmanager
def mariadb(*, settings: Sequence[str] = ()) -> Iterator[Database]:
    """A running MariaDB, in strict mode and utf8mb4 as its package has it. settings: as `name=value`, for the server."""
    with _folder("mariadb") as folder:
        data = folder / "data"
        _make("mariadb", folder, [_tool("mariadb-install-db"), "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
                                  "--skip-test-db", "--skip-name-resolve"])
        own = ("bind-address=127.0.0.1", f"socket={folder}/socket", f"pid-file={folder}/pid", f"datadir={data}", "character-set-server=utf8mb4",
               "collation-server=utf8mb4_general_ci", "innodb-flush-log-at-trx-commit=0", "skip-name-resolve", *settings)
        command = [_tool("mariadbd"), "--no-defaults", *(f"--{setting}" for setting in own), "--port"]
        root = Database(kind="mariadb", port=0, folder=folder, user="root", password="", name="mysql")
        with _serving(root, command, "") as server:
            made = replace(server, user="meridian", password=secrets.token_hex(16), name="meridian")
            server.run(f"""
                delete from mysql.global_priv where user in ('root', '') and host <> 'localhost';
                create user meridian@'127.0.0.1' identified by '{made.password}';
                grant all privileges on *.* to meridian@'127.0.0.1' with grant option;
                flush privileges;
                create database meridian;""")
            yield made


def _tool(name: str) -> str:
    """Path of a program; Debian keeps the newest PostgreSQL's outside of PATH. Empty: not installed."""
    places = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)]
    return shutil.which(name, path=os.pathsep.join([*places, apt.search_path()])) or ""


def _owner(kind: Kind) -> tuple[str | int, str | int]:
    return (SYSTEM_USER[kind], SYSTEM_USER[kind]) if os.geteuid() == 0 else (os.geteuid(), os.getegid())


def _as_owner(kind: Kind, *options: str) -> list[str]:
    if os.geteuid() == 0:
        return ["setpriv", f"--reuid={SYSTEM_USER[kind]}", f"--regid={SYSTEM_USER[kind]}", "--init-groups", *options]
    return ["setpriv", *options] if options and shutil.which("setpriv") else []


@contextmanager
def _folder(kind: Kind) -> Iterator[Path]:
    """In the system's own folder for such: a test's is below one that nobody else may enter, and a socket's path may have 107 characters at most."""
    folder = Path(tempfile.mkdtemp(prefix=f"meridian-{kind}-"))
    shutil.chown(folder, *_owner(kind))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make(kind: Kind, folder: Path, command: Sequence[str | Path]) -> None:
    done = subprocess.run([*_as_owner(kind), *command], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-2000:]}")


@contextmanager
def _serving(wanted: Database, command: Sequence[str | Path], port_option: str) -> Iterator[Database]:
    """Start the server on a port that is free just now; another one when somebody took it in between."""
    for _ in range(3):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        placed = [*command, port_option, str(port)] if port_option else [*command[:-1], f"{command[-1]}={port}"]
        database = replace(wanted, port=port)
        with database.log.open("ab") as log:
            process = subprocess.Popen([*_as_owner(wanted.kind, "--pdeathsig", STOP[wanted.kind].name.removeprefix("SIG")), *placed], cwd=wanted.folder,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            if _is_ready(database, process):
                yield database
                return
        finally:
            _stop(process, STOP[wanted.kind])
    raise RuntimeError(f"{wanted.kind} did not start: {wanted.log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


def _is_ready(database: Database, process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + READY_WITHIN
    while process.poll() is None and time.monotonic() < until:
        try:
            database.run("select 1")
            return True
        except RuntimeError:
            time.sleep(0.1)
    return False


def _stop(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    process.send_signal(how)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _client(database: Database) -> tuple[list[str], dict[str, str]]:
    """The vendor's client for `database`, and the environment that gives it the password (a command line is for everybody to see)."""
    if database.kind == "postgresql":
        where = ["-h", "127.0.0.1", "-p", str(database.port), "-U", database.user, "-d", database.name]
        return [_tool("psql"), *where, "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1"], {"PGPASSWORD": database.password}
    where = ["--protocol=tcp", "-h", "127.0.0.1", "-P", str(database.port)] if database.password else ["-S", str(database.folder / "socket")]
    shown = ["-u", database.user, "--default-character-set=utf8mb4", "-N", "-B", database.name]
    return [_tool("mariadb"), "--no-defaults", *where, *shown], {"MYSQL_PWD": database.password}


def main(arguments: Sequence[str]) -> int:
    if list(arguments) != ["install"]:
        print("usage: python3 -m sandbox.databases install", file=sys.stderr)
        return 2
    for kind in PACKAGES:
        try:
            install(kind)
        except (CannotInstall, RuntimeError) as problem:
            print(problem, file=sys.stderr)
            return 3
        print(f"{kind} is installed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
