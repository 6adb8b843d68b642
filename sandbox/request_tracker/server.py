"""Starts and stops a home's Request Tracker on 127.0.0.1, under the company's clock."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.request_tracker.home import TOKEN_VARIABLE, Home, configure, read_facts, read_secrets, write_facts
from sandbox.request_tracker.load import SandboxError, fake_clock

SERVER = "/usr/share/request-tracker5/libexec/rt-server"
WORKERS = 2                 # 220 MB each, most of it shared with the parent
START_SECONDS = 60.0
STOP_SECONDS = 10.0


def start(home: Home, *, now: datetime | None = None, port: int | None = None) -> dict[str, Any]:
    """Starts the server unless it runs already and waits until it answers; returns the facts (url, port, pid, now).

    now: what the server's clock shows at the start; by default what `load` or the last `day` left.
    port: by default the one used before if it is free, else any free one.
    """
    facts = read_facts(home)
    if "now" not in facts:
        raise SandboxError(f"{home.base} holds no company: run `python -m sandbox.request_tracker load --home {home.base}` first")
    pid = running(home)
    if pid is not None:
        return facts
    began = time.monotonic()
    clock = now or datetime.fromisoformat(facts["now"])
    chosen = port or _free_port(facts.get("port"))
    configure(home, port=chosen)
    home.log.parent.mkdir(parents=True, exist_ok=True)
    # No kept-alive connections: each would hold a worker, and a third stream read at the same time would wait for ever.
    with home.log.open("ab") as log:
        process = subprocess.Popen(
            ["perl", SERVER, "--host", "127.0.0.1", "--port", str(chosen), "--max-workers", str(WORKERS)],
            cwd=home.base, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env={**home.environment(), **fake_clock(clock)},
        )
    home.pid.write_text(f"{process.pid}\n", encoding="utf-8")
    url = f"http://127.0.0.1:{chosen}"
    try:
        version = _wait(home, url, process)
    except SandboxError:
        stop(home)
        raise
    return write_facts(home, {
        "url": url, "port": chosen, "pid": process.pid, "now": clock.isoformat(), "version": version,
        "start_seconds": round(time.monotonic() - began, 1),
    })


def stop(home: Home) -> bool:
    """Ends the server this home started, by its pid. False when none was running."""
    pid = running(home)
    home.pid.unlink(missing_ok=True)
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGTERM)      # the session it leads: itself and its workers
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline and _alive(pid):
        time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return True


def running(home: Home) -> int | None:
    """The server's pid, if the process of that number is indeed this home's server."""
    if not home.pid.exists():
        return None
    text = home.pid.read_text(encoding="utf-8").strip()
    if not text.isdigit() or not _alive(int(text)):
        return None
    # A pid may have been given to somebody else since; only a process that was started for this home is ours to end.
    with suppress(OSError):
        environment = Path(f"/proc/{text}/environ").read_bytes()
        return int(text) if f"RT_SITE_CONFIG={home.configuration}".encode() in environment.split(b"\0") else None
    return None


def _alive(pid: int) -> bool:
    with suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _free_port(wanted: object) -> int:
    for candidate in (wanted, 0):
        if not isinstance(candidate, int) or candidate == 1:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", candidate))
            return int(probe.getsockname()[1])
    raise SandboxError("no free port on 127.0.0.1")


def _wait(home: Home, url: str, process: subprocess.Popen[bytes]) -> str:
    """Asks until an authorised answer comes; RT's version from it."""
    token = read_secrets(home).get(TOKEN_VARIABLE, "")
    request = urllib.request.Request(f"{url}/REST/2.0/rt", headers={"Authorization": f"token {token}"})
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SandboxError(f"Request Tracker ended while starting (code {process.returncode}); its log is {home.log}")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return str(json.load(answer).get("Version", "5"))
        except urllib.error.HTTPError as problem:
            raise SandboxError(f"Request Tracker started but answers {problem.code} to its own reading account; its log is {home.log}") from None
        except OSError:
            time.sleep(0.1)
    raise SandboxError(f"Request Tracker did not answer within {START_SECONDS:.0f} s; its log is {home.log}")
