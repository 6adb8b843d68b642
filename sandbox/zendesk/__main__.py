"""python -m sandbox.zendesk install|load|start|stop|day|status --home DIR

DIR/zendesk.json holds the connector's options, DIR/secrets.env (mode 600) the tokens, DIR/zendesk/ the rest. Standard library alone.
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
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.company.story import next_day, write_plan
from sandbox.zendesk import load as loading
from sandbox.zendesk.server import Account, Api, serve
from sandbox.zendesk.state import State

READER, WORKER = "ZENDESK_TOKEN", "ZENDESK_WRITE_TOKEN"   # environment variables: the reading administrator's token, the automations' token
PROJECT = Path(__file__).resolve().parent.parent.parent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.zendesk", description="A stand-in for Zendesk Support with the sandbox company's tickets.")
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
            # The vendor allows 10 exports a minute. A demonstration would wait minutes for that, so it runs with more unless asked to be as strict.
            one.add_argument("--exports-per-minute", type=int, default=600)
            one.add_argument("--requests-per-minute", type=int, default=2500)
    chosen = parser.parse_args(arguments)
    home: Path = chosen.home
    match chosen.verb:
        case "load":
            return _load(home, chosen.seed, chosen.size)
        case "start":
            return _start(home, chosen)
        case "serve":
            return _serve(home, chosen)
        case "stop":
            print("stopped" if _stop(home) else "was not running")
        case "day":
            return _day(home, chosen)
        case "status":
            print(json.dumps({**_read(home / "zendesk.json"), "running": _running(home) is not None, "lived_until": _lived_until(home)}, indent=2))
    return 0


def _load(home: Path, seed: int, size: str) -> int:
    if _running(home):
        print("the server is running: stop it first", file=sys.stderr)
        return 1
    for leftover in home.glob("zendesk/state.sqlite*"):
        leftover.unlink()
    url = _choose_url(home)
    state = State(home / "zendesk" / "state.sqlite", ticking=False)
    started = time.monotonic()
    state.set_fact("seed", seed)
    counts = loading.load(write_plan(seed=seed, size="full" if size == "full" else "small"), state, url)
    state.close()
    _keep_tokens(home)
    print(f"Zendesk stand-in: {', '.join(f'{count} {kind}' for kind, count in counts.items())} in {time.monotonic() - started:.1f} s")
    return 0


def _start(home: Path, chosen: argparse.Namespace) -> int:
    if _lived_until(home) is None:
        print(f"{home} holds no helpdesk: load it first", file=sys.stderr)
        return 1
    _stop(home)
    _write(home / "zendesk.json", {
        "url": _choose_url(home), "email": loading.ADMIN_EMAIL, "token_env": READER, "exports_per_minute": chosen.exports_per_minute})
    command = [sys.executable, "-m", "sandbox.zendesk", "serve", "--home", str(home.resolve()), "--exports-per-minute", str(chosen.exports_per_minute),
               "--requests-per-minute", str(chosen.requests_per_minute), *(["--clock", chosen.clock.isoformat()] if chosen.clock else [])]
    with (home / "zendesk" / "server.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    (home / "zendesk" / "server.pid").write_text(str(process.pid))
    url = _read(home / "zendesk.json")["url"]
    for _ in range(200):
        if process.poll() is not None:
            print(f"the server did not start; see {home / 'zendesk' / 'server.log'}", file=sys.stderr)
            return 1
        if _answers(url):
            print(f"Zendesk stand-in at {url}")
            return 0
        time.sleep(0.05)
    return 1


def _serve(home: Path, chosen: argparse.Namespace) -> int:
    state = State(home / "zendesk" / "state.sqlite")
    if chosen.clock:
        state.set_clock(chosen.clock)
    tokens, url = _read_env(home / "secrets.env"), _read(home / "zendesk.json")["url"]
    plan = _plan(state.fact("seed", 7), "small", None)   # only its policies and calendars are needed, and they are the same in every size
    accounts = [Account(email=loading.ADMIN_EMAIL, token=tokens[READER], user_id=loading.ADMIN, is_admin=True),
                Account(email=loading.WORKER_EMAIL, token=tokens[WORKER], user_id=loading.WORKER, is_admin=False)]
    api = Api(loading.desk_of(plan, state, url), accounts, exports_per_minute=chosen.exports_per_minute, requests_per_minute=chosen.requests_per_minute)
    server = serve(api, int(url.rsplit(":", 1)[1]))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.serve_forever(poll_interval=0.5)
    finally:
        state.close()
    return 0


def _day(home: Path, chosen: argparse.Namespace) -> int:
    """The day after the last one lived. The server, if it runs, goes on: its next answer knows the day."""
    until = _lived_until(home)
    if until is None:
        print(f"{home} holds no helpdesk: load it first", file=sys.stderr)
        return 1
    before = _plan(chosen.seed, chosen.size, until)
    if chosen.day is not None and chosen.day != before.ends_on + timedelta(days=1):
        print(f"the helpdesk stands at the end of {before.ends_on}; the next day is not {chosen.day}", file=sys.stderr)
        return 1
    lived = next_day(before, before.ends_on + timedelta(days=1))
    state = State(home / "zendesk" / "state.sqlite", ticking=False)
    done = loading.live_day(before, lived.after, lived.deleted.get("tickets", ()), state, _choose_url(home))
    state.close()
    print(json.dumps({"day": lived.after.ends_on.isoformat(), **done}))
    return 0


# ---- small parts

def _plan(seed: int, size: str, until: str | None) -> Any:
    plan = write_plan(seed=seed, size="full" if size == "full" else "small")
    while until is not None and plan.ends_on < date.fromisoformat(until):
        plan = next_day(plan, plan.ends_on + timedelta(days=1)).after
    return plan


def _lived_until(home: Path) -> str | None:
    path = home / "zendesk" / "state.sqlite"
    if not path.exists():
        return None
    state = State(path, ticking=False)
    try:
        until: str | None = state.fact("lived until")
        return until
    finally:
        state.close()


def _choose_url(home: Path) -> str:
    """The same address for the life of this home: records carry it."""
    path = home / "zendesk" / "url"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            path.write_text(f"http://127.0.0.1:{free.getsockname()[1]}")
    return path.read_text()


def _keep_tokens(home: Path) -> None:
    """Adds our tokens to secrets.env, which other systems of the box use too; readable by its owner alone from the first byte on."""
    path, aside = home / "secrets.env", home / "secrets.env.new"
    values = {READER: secrets.token_urlsafe(24), WORKER: secrets.token_urlsafe(24)} | _read_env(path)
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.writelines(f"{name}={value}\n" for name, value in values.items())
    aside.replace(path)


def _read_env(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _write(path: Path, facts: dict[str, Any]) -> None:
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    aside.replace(path)


def _running(home: Path) -> int | None:
    """The server's process, if it is one of ours for this home (a process number is used again after a restart of the machine)."""
    try:
        pid = int((home / "zendesk" / "server.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except (OSError, ValueError):
        return None
    return pid if "sandbox.zendesk" in command and str(home.resolve()) in command else None


def _stop(home: Path) -> bool:
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
    (home / "zendesk" / "server.pid").unlink(missing_ok=True)
    return True


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/api/v2/users/me.json", timeout=1)
    except urllib.error.HTTPError:
        return True    # it wants credentials: it is there
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
