"""Many machines: a ledger in PostgreSQL, a store in a bucket, and hosts that are killed, cut off and come back. No row is lost, none is doubled."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from flows import doctor, hosts, up
from flows.settings import ConfigurationError, Settings, load, parse
from flows.store import engines, landing, leases, published, shared, turns
from flows.store import ledger as ledgers
from flows.store.checksums import NAMES_OF_THE_BUILD, differences
from flows.store.refused import StoreError
from sandbox.databases import Database
from sandbox.object_store import ObjectStore
from tests.flows import host, warm
from tests.flows.conftest import Company, make_company, ticket
from tests.flows.kills import at_page
from tests.object_stores import object_store

__all__ = ["object_store"]

PROJECT = Path(__file__).resolve().parents[2]
INSTANTS = {*NAMES_OF_THE_BUILD, "last_success_at", "last_attempt_at", "compared_at", "read_at", "restated_at", "new_version", "restated_in"}
DIE_AT_THE_THIRD_PAGE = at_page(3, signal.SIGKILL) + "import connectors.files as f\nmade = f.connect\nf.connect = lambda *a, **k: made(*a, **{**k, 'page_size': 7})\n"


@dataclass(frozen=True, kw_only=True)
class Together:
    """What the hosts of a test share."""

    database: Database
    store: str
    options: str
    folder: Path                    # with drop/ and costs/

    def host(self, name: str, *, address: str = "127.0.0.1") -> Company:
        """A host with a disk of its own. address: where it finds the others' systems."""
        made = Company(folder=self.folder / name, api="")
        made.folder.mkdir()
        original = (self.folder / "meridian.toml").read_text()
        for shared_folder in ("drop", "costs"):
            original = original.replace(f'folder = "{shared_folder}"', f'folder = "{self.folder / shared_folder}"')
        sharing = f'ledger_env = "LEDGER_URL"\nledger_allow_plain = true\nstore = "{self.store}"\n{self.options}'.replace("127.0.0.1", address)
        made.config.write_text(original.replace('home = "state"\n', f'home = "state"\n{sharing}').replace('"clock"', f'"{self.folder / "clock"}"'))
        (made.folder / ".env").write_text((self.folder / ".env").read_text() + f"LEDGER_URL={self.database.url.replace('127.0.0.1', address)}\n"
                                          "STORE_KEY=meridian\nSTORE_SECRET=not-a-secret-of-anybody\n")
        (made.folder / ".env").chmod(0o600)
        return made


@pytest.fixture
def in_a_bucket(tmp_path: Path, request: pytest.FixtureRequest, postgres_server: Database, object_store: ObjectStore) -> Together:
    name = f"hosts_{abs(hash(request.node.name)) % 10**8}"
    object_store.make_bucket(name.replace("_", "-"))
    options = f'store_options = {{endpoint_url = "{object_store.endpoint}"}}\nstore_secrets = {{key = "STORE_KEY", secret = "STORE_SECRET"}}\n'
    make_company(tmp_path, "")
    return Together(database=postgres_server.another(name), store=f"s3://{name.replace('_', '-')}/prefix", options=options, folder=tmp_path)


@pytest.fixture
def in_a_folder(tmp_path: Path, request: pytest.FixtureRequest, postgres_server: Database) -> Together:
    make_company(tmp_path, "")
    return Together(database=postgres_server.another(f"hosts_{abs(hash(request.node.name)) % 10**8}"), store=f"file://{tmp_path}/store", options="",
                    folder=tmp_path)


def ledger_of(company: Company) -> ledgers.Ledger:
    return ledgers.open_ledger(company.settings().ledger)


def live(company: Company) -> str:
    """A night without dbt, see host.py, in this process."""
    return host.live(company.settings(), None, company.folder / "said")


def landed(company: Company) -> list[tuple[str, str]]:
    """(stream, key) of everything that the ledger knows, as this host has it."""
    settings = company.settings()
    return sorted((row["stream"], line["key"]) for row in ledgers.list_batches(ledger_of(company)) for line in landing.read_lines(settings.landing / row["path"]))


def published_rows(company: Company) -> list[tuple[str, str]]:
    with duckdb.connect(str(company.settings().published / "marts.duckdb"), read_only=True) as marts:
        return sorted(marts.execute("select stream, key from landed").fetchall())


@pytest.mark.drill        # five nights; that a host which was cut off is followed and refused is tested always
def test_a_host_killed_in_mid_batch_is_followed_by_another_whose_night_is_as_an_undisturbed_one(
    in_a_bucket: Together, prefect_api: str, after_first_night: Callable[[Path], Company], tmp_path: Path,
) -> None:
    calm = after_first_night(tmp_path / "calm")
    a, b = (Company(folder=one.folder, api=prefect_api) for one in (in_a_bucket.host("a"), in_a_bucket.host("b")))
    killed = a.run("nightly", prelude=f"import socket\nsocket.gethostname = lambda: 'a'\n{DIE_AT_THE_THIRD_PAGE}")
    assert killed.returncode == -9, killed.stdout + killed.stderr
    begun = {(row.source, row.stream) for row in map(lambda name: ledgers.current_reading(ledger_of(a), *name), (
        ("drop", "tickets"), ("drop", "orders"), ("drop", "targets"), ("costs", "costs"), ("costs", "budgets"))) if row}
    assert begun and list((a.folder / "state" / "landing").rglob("*.part"))
    waits = "import socket, datetime\nsocket.gethostname = lambda: 'b'\n"

    refused = b.run("nightly", prelude=waits)
    assert refused.returncode == 1 and "a nightly run as of 2026-03-01 has held 'night' since" in refused.stderr and "on a);" in refused.stderr
    with engines.unfenced(), ledger_of(b).begin() as connection:         # two minutes later
        connection.execute(leases.leases.update().values(expires_at=""))
    night = b.run("nightly", prelude=waits)
    assert night.returncode == 0, night.stdout + night.stderr
    assert not any(secret in night.stdout + night.stderr + refused.stderr for secret in (in_a_bucket.database.password, "not-a-secret-of-anybody"))
    assert differences(b.settings().published / "marts.duckdb", calm.settings().published / "marts.duckdb", leave_out=INSTANTS) == []
    rows = landed(b)
    assert len(rows) == len(set(rows)) == 59 + 60 + 1 + 1 + 1

    # The killed one comes back: it has what the other read and published, and begins nothing anew.
    back = a.run("nightly", prelude="import socket\nsocket.gethostname = lambda: 'a'\n")
    assert back.returncode == 0 and landed(a) == rows
    assert differences(a.settings().published / "marts.duckdb", calm.settings().published / "marts.duckdb", leave_out=INSTANTS) == []


@contextmanager
def cut_off_from(ports: list[int], name: str) -> Iterator[tuple[list[str], str, Callable[[bool], None]]]:
    """A network namespace that reaches these ports of ours: how to run something in it, under which address, and what pulls its cable and puts it back."""
    number = os.getpid() % 250
    ours, theirs, link = f"10.213.{number}.1", f"10.213.{number}.2", f"mer{os.getpid() % 100000}"
    steps = [f"netns add {name}", f"link add {link} type veth peer name up0 netns {name}", f"addr add {ours}/30 dev {link}", f"link set {link} up",
             f"-n {name} addr add {theirs}/30 dev up0", f"-n {name} link set up0 up", f"-n {name} link set lo up"]
    over = threading.Event()
    try:
        for step in steps:
            done = subprocess.run(["ip", *step.split()], capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"needs root and network namespaces: ip {step}: {done.stderr.strip()}")
        for port in ports:
            _forward(ours, port, over)
        yield ["ip", "netns", "exec", name], ours, lambda pulled: subprocess.run(
            ["ip", "link", "set", link, "down" if pulled else "up"], check=True) and None
    finally:
        over.set()
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "delete", link], capture_output=True, check=False)


def _forward(address: str, port: int, over: threading.Event) -> None:
    listener = socket.create_server((address, port))
    listener.settimeout(0.2)

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with listener:
            while not over.is_set():
                with suppress(TimeoutError):
                    near = listener.accept()[0]
                    far = socket.create_connection(("127.0.0.1", port))
                    for pair in ((near, far), (far, near)):
                        threading.Thread(target=copy, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def start(command: list[str], company: Company, *, lasts: float, gate: Path) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-m", "tests.flows.host", str(company.config), str(lasts), str(gate), str(company.folder / "said")]
    named = ["unshare", "--uts", "sh", "-c", f'hostname {company.folder.name} && exec "$@"', "-"]
    return subprocess.Popen([*command, *named, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=PROJECT, env={**os.environ})


def reaches(inside: list[str], address: str, port: int) -> bool:
    program = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)"
    return subprocess.run([*inside, sys.executable, "-c", program, address, str(port)], capture_output=True, check=False).returncode == 0


def wait_for(ready: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_host_cut_off_from_the_network_is_followed_by_another_and_refused_when_it_comes_back(
    in_a_bucket: Together, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:
    ports = [in_a_bucket.database.port, int(in_a_bucket.options.split("127.0.0.1:")[1].split('"')[0])]
    with cut_off_from(ports, f"meridian{os.getpid()}") as (inside, address, pull):
        a, b, gate = in_a_bucket.host("a", address=address), in_a_bucket.host("b"), tmp_path / "gate"
        process = start(inside, a, lasts=3, gate=gate)
        try:
            wait_for(lambda: (a.folder / "said").exists() or process.poll() is not None)
            with pytest.raises(leases.LeaseTaken, match=r"a night has held 'night' since .* on a\); wait for it to end"):
                live(b)
            pull(True)
            wait_for(lambda: leases.holder(ledger_of(b), "night", now=b.settings().clock()) is None)
            in_a_bucket.folder.joinpath("drop", "tickets-9.jsonl").write_text(json.dumps(ticket(900, "2026-03-01")) + "\n")
            assert live(b) == "2026-03-01.001"
            rows = published_rows(b)
            assert rows == landed(b) and len(rows) == len(set(rows)) == 59 + 60 + 1 + 1
            pull(False)
            wait_for(lambda: reaches(inside, address, ports[0]))        # a link that has just come up has no route for a moment
            gate.touch()
            said = process.communicate(timeout=90)[0]
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 1 and "LeaseLost: this run was not heard of for too long and lost 'night'" in said, said
    assert [flip.to for flip in turns.turned(ledger_of(b))] == ["2026-03-01.001"] and published_rows(b) == rows == landed(b)
    assert published.current_name(load(a.config, environment={}).published) is None
    assert hosts.bring_current(_here(a, address), ledger_of(b)) == "2026-03-01.001" and published_rows(a) == rows


def _here(company: Company, address: str) -> Settings:
    """The same host with its cable in our network."""
    for path in (company.config, company.folder / ".env"):
        path.write_text(path.read_text().replace(address, "127.0.0.1"))
    return company.settings()


def test_what_another_host_began_to_read_is_read_anew_and_its_file_never_counts(in_a_folder: Together) -> None:
    a, b = in_a_folder.host("a"), in_a_folder.host("b")
    ledger = ledger_of(a)
    with pytest.MonkeyPatch.context() as dying:
        dying.setattr(ledgers, "finish_reading", _dies)
        with pytest.raises(KeyboardInterrupt):
            live(a)
    left = ledgers.current_reading(ledger, "drop", "tickets")
    assert left is not None and left.is_complete and left.size
    with pytest.MonkeyPatch.context() as dying:
        dying.setattr(landing, "seal", _dies)
        with pytest.raises(KeyboardInterrupt):
            live(b)
    begun = ledgers.current_reading(ledger, "drop", "tickets")
    assert begun is not None and begun.batch > left.batch
    assert live(a) == "2026-03-01.001"              # back with a file of its own that is not the one of the ledger
    rows = published_rows(a)
    assert rows == landed(a) and len(rows) == len(set(rows)) == 59 + 60 + 1
    assert live(b) == "2026-03-01.002" and published_rows(b) == rows == landed(b)


def _dies(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_batch_that_the_store_lacks_or_holds_damaged_is_named_with_the_next_move(in_a_folder: Together) -> None:
    a, b = in_a_folder.host("a"), in_a_folder.host("b")
    live(a)
    row = ledgers.list_batches(ledger_of(a), "drop", "tickets")[0]
    there = in_a_folder.folder / "store" / shared.named(f"landing/{row['path']}", row["sha256"])
    content = there.read_bytes()
    there.write_bytes(content[:-1] + b"x")
    with pytest.raises(StoreError, match=rf"{row['batch']}.*is damaged: its checksum is .*meridian batch reject drop tickets {row['batch']}`"):
        live(b)
    there.unlink()
    with pytest.raises(StoreError, match="is not there; on a host that still has it run `meridian publish share`"):
        live(b)
    assert not (b.settings().landing / row["path"]).exists() and published.current_name(b.settings().published) == "2026-03-01.001"
    found = {one.subject: one for one in doctor._store(b.settings())}
    assert not found["store"].is_well and f"lacks 1 batches: drop/tickets/{row['batch']}" in found["store"].detail
    assert hosts.share(a.settings(), ledger_of(a)) == 1
    assert [one.is_well for one in doctor._store(b.settings())] == [True]
    live(b)
    assert landed(b) == landed(a)


def test_while_the_store_is_gone_nothing_is_sealed_and_what_was_read_goes_there_later(in_a_folder: Together) -> None:
    a, store = in_a_folder.host("a"), in_a_folder.folder / "store"
    store.write_text("no folder")
    with pytest.raises(StoreError, match="could not be"):
        host.read(a.settings(), ledger_of(a))
    assert ledgers.list_batches(ledger_of(a)) == []
    store.unlink()
    live(a)
    b, said = in_a_folder.host("b"), list[str]()
    store.rename(store.with_name("elsewhere"))
    hosts.bring_current_if_it_can_be(b.settings(), ledger_of(b), said.append)
    assert len(said) == 1 and "this host may have an older version than is current: " in said[0] and "is not there" in said[0]
    assert len(landed(a)) == len(set(landed(a))) == 59 + 60 + 1


def test_a_version_is_current_on_every_host_or_on_none_and_so_is_going_back(in_a_folder: Together) -> None:
    a, b = in_a_folder.host("a"), in_a_folder.host("b")
    live(a)
    live(a)
    with pytest.MonkeyPatch.context() as dying:
        dying.setattr(published, "_turn", _dies)        # behind the ledger's row
        with pytest.raises(KeyboardInterrupt):
            live(a)
    assert published.current_name(a.settings().published) == "2026-03-01.002"
    assert hosts.bring_current(a.settings(), ledger_of(a)) == hosts.bring_current(b.settings(), ledger_of(b)) == "2026-03-01.003"
    assert hosts.rollback(b.settings(), ledger_of(b), to=None, who="mira", why="wrong").name == "2026-03-01.002"
    with pytest.raises(published.PublishError, match=r"2026-03-01\.002 is current by the ledger, not 2026-03-01\.003"):
        published.rollback(a.settings().published, to="2026-03-01.001", who="x", why="", at=a.settings().clock(),
                           admit=lambda flip: turns.turn(ledger_of(a), flip))
    assert hosts.bring_current(a.settings(), ledger_of(a)) == "2026-03-01.002"
    old = published.version(a.settings().published, "2026-03-01.003")
    assert old.withdrawn is not None and old.withdrawn.who == "mira"
    hosts.prune(a.settings(), ledger_of(a), versions_days=-1, now=a.settings().clock())
    there = {path.name.rsplit(".", 1)[0] for path in (in_a_folder.folder / "store" / "versions").iterdir() if any(path.rglob("*.duckdb"))}
    assert there == {"2026-03-01.001", "2026-03-01.002"}            # the current one and the one before it in the line of good ones


def test_a_deployment_of_one_machine_brings_what_it_has_when_it_is_given_a_store(in_a_folder: Together) -> None:
    a, b = in_a_folder.host("a"), in_a_folder.host("b")
    text = a.config.read_text()
    a.config.write_text("\n".join(line for line in text.splitlines() if not line.startswith("store")))
    live(a)
    assert not (in_a_folder.folder / "store").exists()
    a.config.write_text(text)
    hosts.begin(a.settings(), ledger_of(a))
    assert hosts.bring_current(b.settings(), ledger_of(b)) == "2026-03-01.001" and published_rows(b) == published_rows(a)
    shutil.rmtree(a.folder / "state")
    assert live(a) == "2026-03-01.002" and len(published_rows(a)) == 59 + 60 + 1


DIE_AT_THE_FIRST_BATCH_OF_COSTS = ("import os, signal\nimport flows.store.ledger as l\nfinish = l.finish_reading\ndef die(ledger, reading, **more):\n"
                                   "    reading.source == 'costs' and os.kill(os.getpid(), signal.SIGKILL)\n    finish(ledger, reading, **more)\n"
                                   "l.finish_reading = die\n")


@pytest.mark.parametrize(("worker", "prelude", "read"), [
    (True, "", ["drop elsewhere", "costs elsewhere"]),
    (True, DIE_AT_THE_FIRST_BATCH_OF_COSTS, ["drop elsewhere", "costs here"]),
    (False, "", ["costs here", "drop here"]),
], ids=["by another host", "by another host that dies", "by nobody"])
def test_a_night_that_is_spread_reads_every_source_once(in_a_folder: Together, prefect_api: str, worker: bool, prelude: str, read: list[str]) -> None:
    a, b = (Company(folder=one.folder, api=prefect_api) for one in (in_a_folder.host("a"), in_a_folder.host("b")))
    a.config.write_text(a.config.read_text().replace("[night]\n", f"[night]\nspread = true\nspread_seconds = {60 if worker else 1}\n"))
    program = f"from tests.flows.spreading import main\nmain({str(a.config)!r}, {str(b.config) if worker else None!r}, {prelude!r})"
    done = warm.run(program, (), {**os.environ, "PREFECT_API_URL": prefect_api, **up.QUIET})
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["read"] == read
    rows = landed(a)
    assert len(rows) == len(set(rows)) == 59 + 60 + 1 + 1 + 1
    with pytest.raises(leases.LeaseLost, match="lost 'night': somebody had it since and is done"), leases.only_while(ledger_of(b), "night", "a@b:1:1"):
        host.read(b.settings(), ledger_of(b))           # who reads for a night that is over writes nothing


def test_spreading_wants_what_hosts_share() -> None:
    with pytest.raises(ConfigurationError, match="spread is for several hosts"):
        parse('[company]\nname = "x"\n[night]\nspread = true\n', Path("meridian.toml"))
