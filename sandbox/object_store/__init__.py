"""An S3-compatible object store of one's own on 127.0.0.1, for trying what hosts share: moto's server, which keeps everything in memory.

    with object_store.running(Path("var/object_store"), Path("var/object_store.log")) as store:
        store.make_bucket("meridian")
        store.endpoint, store.key, store.secret

It lives in an environment of its own, made from a hash-pinned lock; the kernel ends it with the process that started it.
"""

from __future__ import annotations

import ctypes
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flows.environments import make_environment

LOCK = Path(__file__).parent / "requirements.lock"
READY_WITHIN = 60.0     # seconds
PR_SET_PDEATHSIG = 1    # prctl(2)


@dataclass(frozen=True, kw_only=True)
class ObjectStore:
    """It believes every key; these are for clients that want some."""

    port: int
    key: str = "meridian"
    secret: str = field(default="not-a-secret-of-anybody", repr=False)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def make_bucket(self, name: str) -> None:
        urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/{name}", method="PUT"), timeout=30).close()


def install(environment: Path) -> bool:
    """Make the environment unless it is there already. True when something was done. Raises flows.environments.CannotMake."""
    return make_environment(environment, LOCK)


@contextmanager
def running(environment: Path, log: Path, *, host: str = "127.0.0.1") -> Iterator[ObjectStore]:
    """A server on a port that is free just now; another one when somebody took it in between."""
    install(environment)
    prctl = ctypes.CDLL(None).prctl
    for _ in range(3):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            store = ObjectStore(port=free.getsockname()[1])
        with log.open("ab") as said:
            process = subprocess.Popen([str(environment / "bin" / "moto_server"), "-H", host, "-p", str(store.port)], stdin=subprocess.DEVNULL,
                                       stdout=said, stderr=subprocess.STDOUT, preexec_fn=lambda: prctl(PR_SET_PDEATHSIG, signal.SIGTERM))
        try:
            if _is_ready(store, process):
                yield store
                return
        finally:
            process.terminate()
            process.wait(30)
    raise RuntimeError(f"the object store did not start: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


def _is_ready(store: ObjectStore, process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + READY_WITHIN
    while process.poll() is None and time.monotonic() < until:
        try:
            urllib.request.urlopen(f"{store.endpoint}/moto-api/data.json", timeout=5).close()
            return True
        except OSError:
            time.sleep(0.1)
    return False
