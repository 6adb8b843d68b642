"""python -m sandbox.<kind> install|load|start|stop|day|status|serve --home DIR, for a declared stand-in.

A stand-in's `__main__.py` declares itself and hands over:

    STAND_IN = StandIn(kind="zendesk", title="Zendesk", secrets=("ZENDESK_TOKEN",), numbers={"exports_per_minute": 600},
                       load=..., live=..., answer=..., options=...)
    if __name__ == "__main__":
        sys.exit(main(STAND_IN))

DIR/<kind>.json holds the connector's options, DIR/secrets.env (mode 600) the secrets of every system of the box, DIR/<kind>/ the rest: state.sqlite,
the url (the same for the life of a home: records carry it), the server's pid and log. Exit codes: 0 done, 1 refused or failed (one line on stderr says why).
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.company.plan import Plan
from sandbox.company.story import Day, next_day, write_plan
from sandbox.stand_in.serving import Answer, serve
from sandbox.stand_in.state import State

PROJECT = Path(__file__).resolve().parent.parent.parent
Numbers = Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """What the verbs need to know of a stand-in.

    kind: names the module `sandbox.<kind>` and the files. secrets: environment variables that `load` makes up values for.
    numbers: limits and the like, each an option `--<name>` of `start` and `serve` (with '-' for '_') with its usual value.
    load(plan, state, url): the whole plan into an empty state; returns how many records of each kind there are.
    live(before, day, state, url): one more day of the story; returns what was done, counted.
    answer(state, url, secrets, numbers): the function that is served (serving.py); secrets by their environment variable.
    options(url, numbers): the connector's options, written into DIR/<kind>.json for sandbox/configuration.py.
    """

    kind: str
    title: str
    secrets: tuple[str, ...]
    load: Callable[[Plan, State, str], Mapping[str, int]]
    live: Callable[[Plan, Day, State, str], Mapping[str, int]]
    answer: Callable[[State, str, Mapping[str, str], Numbers], Answer]
    options: Callable[[str, Numbers], Mapping[str, Any]]
    numbers: Numbers = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Home:
    """A stand-in's files below the folder of its box."""

    root: Path
    kind: str

    @property
    def folder(self) -> Path:
        return self.root / self.kind

    @property
    def state(self) -> Path:
        return self.folder / "state.sqlite"

    @property
    def facts(self) -> Path:
        return self.root / f"{self.kind}.json"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets.env"

    @property
    def pid(self) -> Path:
        return self.folder / "server.pid"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"


def main(stand_in: StandIn, arguments: list[str] | None = None) -> int:
    chosen = _parser(stand_in).parse_args(arguments)
    home = Home(root=chosen.home, kind=stand_in.kind)
    numbers = {name: getattr(chosen, name) for name in stand_in.numbers} if chosen.verb in ("start", "serve") else {}
    match chosen.verb:
        case "load":
            return _load(stand_in, home, chosen.seed, chosen.size)
        case "start":
            return _start(stand_in, home, chosen.clock, numbers)
        case "serve":
            return _serve(stand_in, home, chosen.clock, numbers)
        case "stop":
            print("stopped" if _stop(home) else "was not running")
        case "day":
            return _day(stand_in, home, chosen)
        case "status":
            print(json.dumps({**_read(home.facts), "running": _running(home) is not None, "lived_until": _lived_until(home)}, indent=2))
    return 0


def _parser(stand_in: StandIn) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m sandbox.{stand_in.kind}", description=f"A stand-in for {stand_in.title} with the sandbox company's history.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, text in (
        ("install", "nothing to install"), ("load", "fill the state with the company's history"), ("start", "start the server"), ("stop", "stop the server"),
        ("day", "live one more day of the story"), ("status", "print what is known"), ("serve", "run the server in the foreground (what `start` starts)"),
    ):
        one = verbs.add_parser(verb, help=text)
        one.add_argument("--home", type=Path, required=True)
        if verb in ("load", "day"):
            one.add_argument("--seed", type=int, default=7)
            one.add_argument("--size", choices=("small", "full"), default="small")
        if verb == "day":
            one.add_argument("--day", type=date.fromisoformat, help="must be the day after the last one lived")
        if verb in ("start", "serve"):
            one.add_argument("--clock", type=datetime.fromisoformat, help="the company's instant, from which the clock ticks; default: where it stood")
            for name, usual in stand_in.numbers.items():
                one.add_argument(_option(name), dest=name, type=int, default=usual)
    return parser


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _load(stand_in: StandIn, home: Home, seed: int, size: str) -> int:
    if _running(home):
        print("the server is running: stop it first", file=sys.stderr)
        return 1
    for leftover in home.folder.glob("state.sqlite*"):
        leftover.unlink()
    url = _choose_url(home)
    state = State(home.state, ticking=False)
    started = time.monotonic()
    plan = _plan(seed, size, None)
    with state.transaction():
        state.set_fact("seed", seed)
        counts = stand_in.load(plan, state, url)
        state.set_fact("lived until", plan.ends_on.isoformat())
    state.close()
    _keep_secrets(home.secrets, stand_in.secrets)
    print(f"{stand_in.title} stand-in: {', '.join(f'{count} {kind}' for kind, count in counts.items())} in {time.monotonic() - started:.1f} s")
    return 0


def _start(stand_in: StandIn, home: Home, clock: datetime | None, numbers: Numbers) -> int:
    if _lived_until(home) is None:
        print(f"{home.root} holds no company: load it first", file=sys.stderr)
        return 1
    _stop(home)
    url = _choose_url(home)
    _write(home.facts, stand_in.options(url, numbers))
    command = [sys.executable, "-m", f"sandbox.{stand_in.kind}", "serve", "--home", str(home.root.resolve()),
               *(part for name, value in numbers.items() for part in (_option(name), str(value))), *(["--clock", clock.isoformat()] if clock else [])]
    with home.log.open("ab") as log:
        process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    home.pid.write_text(str(process.pid))
    for _ in range(200):
        if process.poll() is not None:
            print(f"the server did not start; see {home.log}", file=sys.stderr)
            return 1
        if _answers(url):
            print(f"{stand_in.title} stand-in at {url}")
            return 0
        time.sleep(0.05)
    print(f"the server did not answer within 10 s; see {home.log}", file=sys.stderr)
    return 1


def _serve(stand_in: StandIn, home: Home, clock: datetime | None, numbers: Numbers) -> int:
    state = State(home.state)
    if clock:
        state.set_clock(clock)
    url, known = _choose_url(home), _read_env(home.secrets)
    server = serve(stand_in.answer(state, url, {name: known[name] for name in stand_in.secrets}, numbers), int(url.rsplit(":", 1)[1]))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.serve_forever(poll_interval=0.5)
    finally:
        state.close()
    return 0


def _day(stand_in: StandIn, home: Home, chosen: argparse.Namespace) -> int:
    """The day after the last one lived. The server, if it runs, goes on: its next answer knows the day."""
    until = _lived_until(home)
    if until is None:
        print(f"{home.root} holds no company: load it first", file=sys.stderr)
        return 1
    before = _plan(chosen.seed, chosen.size, until)
    if chosen.day is not None and chosen.day != before.ends_on + timedelta(days=1):
        print(f"the company stands at the end of {before.ends_on}; the next day is not {chosen.day}", file=sys.stderr)
        return 1
    lived = next_day(before, before.ends_on + timedelta(days=1))
    state = State(home.state, ticking=False)
    with state.transaction():   # with its date: a day that was lived half, or whole but not noted, would be lived again
        done = stand_in.live(before, lived, state, _choose_url(home))
        state.set_fact("lived until", lived.after.ends_on.isoformat())
    state.close()
    print(json.dumps({"day": lived.after.ends_on.isoformat(), **done}))
    return 0


# ---- small parts

def _plan(seed: int, size: str, until: str | None) -> Plan:
    plan = write_plan(seed=seed, size="full" if size == "full" else "small")
    while until is not None and plan.ends_on < date.fromisoformat(until):
        plan = next_day(plan, plan.ends_on + timedelta(days=1)).after
    return plan


def _lived_until(home: Home) -> str | None:
    if not home.state.exists():
        return None
    state = State(home.state, ticking=False)
    try:
        until: str | None = state.fact("lived until")
        return until
    finally:
        state.close()


def _choose_url(home: Home) -> str:
    """The same address for the life of this home."""
    path = home.folder / "url"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            path.write_text(f"http://127.0.0.1:{free.getsockname()[1]}")
    return path.read_text()


def _keep_secrets(path: Path, names: tuple[str, ...]) -> None:
    """Adds ours to secrets.env, which other systems of the box use too; readable by its owner alone from the first byte on."""
    aside = path.with_name("secrets.env.new")
    values = {name: secrets.token_urlsafe(24) for name in names} | _read_env(path)
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.writelines(f"{name}={value}\n" for name, value in values.items())
    aside.replace(path)


def _read_env(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _write(path: Path, facts: Mapping[str, Any]) -> None:
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    aside.replace(path)


def _running(home: Home) -> int | None:
    """The server's process, if it is one of ours for this home (a process number is used again after a restart of the machine)."""
    try:
        pid = int(home.pid.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except (OSError, ValueError):
        return None
    return pid if f"sandbox.{home.kind}" in command and str(home.root.resolve()) in command else None


def _stop(home: Home) -> bool:
    pid = _running(home)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    for _ in range(100):
        if _running(home) is None:
            break
        time.sleep(0.05)
    else:
        os.kill(pid, signal.SIGKILL)
    home.pid.unlink(missing_ok=True)
    return True


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=1)
    except urllib.error.HTTPError:
        return True    # it knows no such path, or wants credentials: it is there
    except OSError:
        return False
    return True
