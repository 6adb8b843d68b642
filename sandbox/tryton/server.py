"""Start and stop the sandbox's Tryton server: one process, known by its pid, on a free port of 127.0.0.1."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.tryton.home import DATABASE, HERE, KEY_NAME, Home, SandboxError, inside_environment

PATIENCE = 90.0  # seconds to the first answer; measured 3–7 on an idle machine


def start(home: Home, at: datetime) -> dict[str, Any]:
    """Start the server with its clock at `at`, unless it runs. On the port of last time if that is free. Returns the connection facts."""
    if not home.database.exists():
        raise SandboxError(f"{home.data} holds no database: run `python -m sandbox.tryton load --home {home.root}`")
    if running(home) is not None and answers(home):
        return read_facts(home)
    stop(home)
    facts = read_facts(home)
    ready = home.data / "server.port"
    ready.unlink(missing_ok=True)
    last_port = int(str(facts.get("url", ":0")).rsplit(":", 1)[1])
    with home.log.open("ab") as log:
        process = subprocess.Popen(
            [str(home.python), str(HERE / "inside" / "serve.py"), str(home.data), str(last_port), at.isoformat(), str(ready)],
            env=inside_environment({"TRYTOND_LOGGING_LEVEL": "30"}),
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    _pid_file(home).write_text(f"{process.pid} {_born(process.pid)}", encoding="utf-8")
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SandboxError(f"Tryton's server ended at once; its log is {home.log}")
        if ready.exists() and (port := ready.read_text(encoding="utf-8")):
            facts = {"url": f"http://127.0.0.1:{port}", "database": DATABASE, "key_env": KEY_NAME}
            if _answers(facts["url"]):
                aside = home.facts.with_suffix(".new")
                aside.write_text(json.dumps(facts, indent=1), encoding="utf-8")
                aside.replace(home.facts)
                return facts
        time.sleep(0.1)
    stop(home)
    raise SandboxError(f"Tryton's server did not answer within {PATIENCE:.0f} s; its log is {home.log}")


def stop(home: Home) -> bool:
    """End the server that we started. True when there was one."""
    pid = running(home)
    if pid is not None:
        for number, patience in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
            os.kill(pid, number)
            deadline = time.monotonic() + patience
            while running(home) is not None and time.monotonic() < deadline:
                time.sleep(0.05)
            if running(home) is None:
                break
    _pid_file(home).unlink(missing_ok=True)
    return pid is not None


def running(home: Home) -> int | None:
    """The server's pid, if that process still is the one that we started: a pid alone may have been given to another."""
    try:
        pid, born = _pid_file(home).read_text(encoding="utf-8").split()
    except (FileNotFoundError, ValueError):
        return None
    with contextlib.suppress(ChildProcessError):  # one that ended as our own child waits to be taken note of
        os.waitpid(int(pid), os.WNOHANG)
    return int(pid) if _born(int(pid)) == born else None


def answers(home: Home) -> bool:
    return "url" in read_facts(home) and _answers(read_facts(home)["url"])


def read_facts(home: Home) -> dict[str, Any]:
    return dict(json.loads(home.facts.read_text(encoding="utf-8"))) if home.facts.exists() else {}


def _answers(url: str) -> bool:
    """Without a key the API says 401: then Tryton and its database are up."""
    try:
        urllib.request.urlopen(f"{url}/{DATABASE}/rest/model/company.company", timeout=5)
    except urllib.error.HTTPError as refused:
        return refused.code == 401
    except OSError:
        return False
    return True


def _born(pid: int) -> str:
    """When the process started, in the kernel's ticks; '' when there is none (or only its zombie). '0' where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return ""
        try:
            os.kill(pid, 0)
        except OSError:
            return ""
        return "0"
    return "" if fields[0] == "Z" else fields[19]


def _pid_file(home: Home) -> Path:
    return home.data / "server.pid"
