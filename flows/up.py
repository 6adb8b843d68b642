"""Up: one Prefect server, one process worker, the deployments of prefect.yaml; and down again, by pid.

A flow without a server starts one of its own for 15 s of CPU and times out under load, so `meridian nightly` and the demo use
this one as well. Nothing is sent anywhere: analytics and promotional content are switched off here.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from flows.settings import PROJECT, Settings
from flows.store.leases import process_started

POOL = "meridian"
AUTH_FILE = "auth"                   # in `folder`; the UI asks for what stands there
AUTH_VARIABLE = "PREFECT_API_AUTH_STRING"
QUIET = {
    "DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_CLI_PROMPT": "false", "PREFECT_CLI_COLORS": "false",
}


class NotUp(Exception):
    """The server or the worker did not start; the text says where its log is."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """A background process of ours: its pid and the kernel's start time, which tells it from a later process with the same pid."""

    name: str
    pid: int
    started: str
    port: int = 0

    @property
    def is_alive(self) -> bool:
        return self.started != "0" and process_started(self.pid) == self.started


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where flows report to. ui: the address for people. auth: what its API asks for, '<name>:<password>'; '' : nothing."""

    api: str
    auth: str = field(default="", repr=False)

    @property
    def ui(self) -> str:
        return self.api.removesuffix("/api")


def folder(settings: Settings) -> Path:
    return settings.home / "prefect"


def find(settings: Settings, name: str) -> Process | None:
    """The running process of that name ('server' or 'worker'), if there is one."""
    return find_in(folder(settings), name)


def find_in(place: Path, name: str) -> Process | None:
    """The process that `start` started there under that name, if it still runs."""
    path = place / f"{name}.json"
    try:
        process = Process(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return process if process.is_alive else None


def api_url(port: int) -> str:
    return f"http://127.0.0.1:{port}/api"


def environment(settings: Settings) -> dict[str, str]:
    """What every process of ours is started with. Secrets of the sources are read from `.env` by the flow itself, not passed on here."""
    night = settings.configuration.night
    return {
        **os.environ, **QUIET, "PREFECT_HOME": str(folder(settings)), "PREFECT_PROFILES_PATH": str(folder(settings) / "profiles.toml"),
        "MERIDIAN_CONFIG": str(settings.path), "MERIDIAN_PROJECT": str(PROJECT),
        "MERIDIAN_SCHEDULE": night.schedule, "MERIDIAN_SCHEDULE_TIME_ZONE": night.time_zone or settings.configuration.company.time_zone,
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,orphans",          # artifacts of runs that retention has deleted
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore", **log_environment(settings),
    }


def log_environment(settings: Settings) -> dict[str, str]:
    """Readable lines at a terminal; one JSON object a line when `night.log_format = "json"`."""
    if settings.configuration.night.log_format != "json":
        return {}
    return {"PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER": "json", "PREFECT_LOGGING_COLORS": "false"}


def auth_of(settings: Settings) -> str:
    """What our own server's API asks for; '' when it was started without."""
    try:
        return (folder(settings) / AUTH_FILE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def auth_header(auth: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(auth.encode()).decode()}"} if auth else {}


def _make_auth(place: Path) -> str:
    """Anybody on this machine reaches 127.0.0.1; who may start flows with what parameters is for us to say."""
    path = place / AUTH_FILE
    if not path.is_file() or not path.read_text(encoding="utf-8").strip():
        aside = place / f".{AUTH_FILE}.new"
        aside.unlink(missing_ok=True)
        aside.touch(mode=0o600)
        aside.write_text(f"meridian:{secrets.token_hex(16)}\n", encoding="utf-8")
        aside.replace(path)
    return path.read_text(encoding="utf-8").strip()


def ensure_server(settings: Settings, say: Callable[[str], None] = print, *, is_protected: bool = True) -> Server:
    """The server of PREFECT_API_URL when that is set, else the running one of this deployment, else a new one on a port of the system's
    choosing (the last one again, when it is free). is_protected: a new one's API asks for what stands in <home>/prefect/auth. Raises NotUp."""
    if given := os.environ.get("PREFECT_API_URL"):
        if not is_answering(given):
            raise NotUp(f"PREFECT_API_URL is {given}, and nothing answers there; unset it to use a server of our own")
        return Server(api=given, auth=os.environ.get(AUTH_VARIABLE, ""))
    running = find(settings, "server")
    if running is not None and is_answering(api_url(running.port)):
        return Server(api=api_url(running.port), auth=auth_of(settings))
    place = folder(settings)
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o700)                   # its database holds the parameters of runs, and logs
    if not is_protected:
        (place / AUTH_FILE).unlink(missing_ok=True)
    auth = _make_auth(place) if is_protected else ""
    port = _free_port(_last_port(place))
    say(f"starting the Prefect server on http://127.0.0.1:{port}")
    # Its UI asks the API under the address it was given; without this it would ask port 4200.
    told = {**environment(settings), "PREFECT_UI_API_URL": api_url(port), "PREFECT_API_URL": api_url(port)}
    told |= {"PREFECT_SERVER_API_AUTH_STRING": auth, AUTH_VARIABLE: auth} if auth else {}
    process = start(place, "server", [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)], told, port)
    _await(lambda: is_answering(api_url(port)), process, place, seconds=300)         # at a load of 16 on two cores it took more than 90
    return Server(api=api_url(port), auth=auth)


def start_worker(settings: Settings, server: Server, say: Callable[[str], None] = print) -> Process:
    """The running worker, or a new one."""
    running = find(settings, "worker")
    if running is not None:
        return running
    told = {**environment(settings), **_address(server)}
    place = folder(settings)
    place.mkdir(parents=True, exist_ok=True)         # the server may be another host's
    place.chmod(0o700)
    _prefect(told, ["work-pool", "create", POOL, "--type", "process", "--overwrite"])
    say("starting the worker")
    return start(place, "worker", [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"], told)


def _address(server: Server) -> dict[str, str]:
    return {"PREFECT_API_URL": server.api, **({AUTH_VARIABLE: server.auth} if server.auth else {})}


def deploy(settings: Settings, server: Server) -> None:
    """Register the deployments of prefect.yaml; running it again changes nothing."""
    told = {**environment(settings), **_address(server)}
    _prefect(told, ["--no-prompt", "deploy", "--all", "--prefect-file", str(PROJECT / "prefect.yaml")])


def stay(settings: Settings) -> str:
    """Wait until we are told to end (SIGTERM, Ctrl-C) or a process of ours ends, and stop the other. The name of the one that ended; '' when told to."""
    told = threading.Event()
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_, lambda *_: told.set())
    ours = [process for name in ("server", "worker") if (process := find(settings, name))]
    ended = ""
    while not ended and not told.wait(1):
        ended = next((process.name for process in ours if not process.is_alive), "")
    down(settings)
    return ended


def down(settings: Settings) -> list[str]:
    """Stop worker and server of this deployment; returns what was stopped."""
    stopped = []
    for name in ("worker", "server"):
        process = find(settings, name)
        if process is not None:
            stop(process)
            stopped.append(name)
        (folder(settings) / f"{name}.json").unlink(missing_ok=True)
    return stopped


def stop(process: Process, patience: float = 45.0) -> None:
    """Ask a process to end (a night under a worker finishes its pages), and end it (with the group it leads) when it does not."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        if not process.is_alive:
            return
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience
        while process.is_alive and time.monotonic() < deadline:
            time.sleep(0.05)


@contextmanager
def pointed_at(server: Server, settings: Settings) -> Iterator[None]:
    """This process's own flows talk to `server`. Must come before Prefect is imported, which reads its settings once."""
    told: Mapping[str, str] = {**QUIET, **_address(server), "PREFECT_HOME": str(folder(settings)), **log_environment(settings)}
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def start(place: Path, name: str, command: list[str], told: Mapping[str, str], port: int = 0) -> Process:
    """Start a background process that outlives this one; its log is <place>/<name>.log, its pid and port are in <name>.json."""
    with (place / f"{name}.log").open("ab") as log:
        child = subprocess.Popen(command, env=dict(told), stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True, cwd=PROJECT)
    process = Process(name=name, pid=child.pid, started=process_started(child.pid), port=port)
    (place / f"{name}.json").write_text(json.dumps({"name": name, "pid": process.pid, "started": process.started, "port": port}), encoding="utf-8")
    return process


def _await(ready: Callable[[], bool], process: Process, place: Path, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if not process.is_alive or time.monotonic() > deadline:
            raise NotUp(f"the Prefect {process.name} did not start; its log is {place / (process.name + '.log')}")
        time.sleep(0.2)


def _prefect(told: Mapping[str, str], arguments: list[str]) -> None:
    outcome = subprocess.run([sys.executable, "-m", "prefect", *arguments], env=dict(told), capture_output=True, text=True, cwd=PROJECT, check=False)
    if outcome.returncode:
        raise NotUp(f"prefect {' '.join(arguments[:2])} failed: {(outcome.stdout + outcome.stderr).strip()[-800:]}")


def is_answering(api: str) -> bool:
    """Whether a Prefect server says there that it is well."""
    try:
        return requests.get(f"{api}/health", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def _last_port(place: Path) -> int:
    try:
        return int(json.loads((place / "server.json").read_text(encoding="utf-8"))["port"])
    except (OSError, ValueError, KeyError):
        return 0


def _free_port(wish: int) -> int:
    for port in (wish, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise NotUp("no free port on 127.0.0.1")
