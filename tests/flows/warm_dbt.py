"""dbt that begins warm: see warm.py. Its imports are 4 s of CPU, a sixth of what a small company's night costs.

A night of a warm program asks a child of its own, forked before the night has threads, for each dbt; that child forks once more. When the night dies,
both die, as dbt does that is started cold.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import flows.build
from flows import dbt_process
from tests.parsed import parsed

MODULE = dbt_process.__name__


def offer() -> None:
    """From here on `flows.build` of this process starts dbt warm."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    parent = os.getpid()
    if os.fork() == 0:
        ours.close()
        _serve(theirs, parent)
    theirs.close()

    def start(command: Sequence[str], **how: Any) -> Any:
        return WarmDbt(ours, command, **how) if list(command[1:3]) == ["-m", MODULE] else subprocess.Popen(command, **how)

    flows.build.subprocess = SimpleNamespace(Popen=start, PIPE=subprocess.PIPE, STDOUT=subprocess.STDOUT)  # type: ignore[assignment]


class WarmDbt:
    """What `flows/build.py` needs of a `subprocess.Popen` whose output and errors are one text."""

    def __init__(self, server: socket.socket, command: Sequence[str], *, env: dict[str, str], cwd: Any, **_: Any) -> None:
        self._server, (read, write) = server, os.pipe()
        asked = {"arguments": list(command[4:]), "environment": env, "folder": str(cwd)}
        socket.send_fds(server, [json.dumps(asked).encode()], [write])
        os.close(write)
        self.pid, self._code = int(server.recv(100)), None
        self.stdout = os.fdopen(read, encoding="utf-8", errors="replace")

    def kill(self) -> None:
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        if self._code is None:
            self._code = int(self._server.recv(100))
        return self._code


def _serve(server: socket.socket, parent: int) -> NoReturn:
    ctypes.CDLL(None).prctl(dbt_process.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        message, handles, *_ = socket.recv_fds(server, 1_000_000, 1)
        if not message:
            os._exit(0)
        mine = os.getpid()
        child = os.fork()
        if child == 0:
            _become(json.loads(message), handles[0], mine)
        os.close(handles[0])
        server.send(str(child).encode())
        server.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def _become(asked: dict[str, Any], output: int, parent: int) -> NoReturn:
    for number in (1, 2):
        os.dup2(output, number)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = [MODULE, str(parent), *asked["arguments"]]
    code: Any = 1
    told = dict(zip(sys.argv, sys.argv[1:], strict=False))
    try:
        with parsed(Path(told["--target-path"]), Path(told["--project-dir"]), os.environ["MERIDIAN_KINDS"]):
            dbt_process.main()
    except SystemExit as ended:
        code = ended.code
    except BaseException as error:
        print(repr(error), flush=True)
    sys.stdout.flush()
    # Not by sys.exit: see warm.py.
    os._exit(code if isinstance(code, int) else int(code is not None))
