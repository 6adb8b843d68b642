"""Programs that begin warm: forks of one process that has imported what a night imports, and done nothing else.

Imports are 6 s of CPU a night and dbt's (warm_dbt.py) 4 more, and the tests live dozens of nights. What a night does is the same, down to being
a process of its own that can be killed. The README's commands and the company on real systems begin cold, as everybody's do.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import Engine

from tests.flows import warm_dbt

PR_SET_PDEATHSIG = 1        # prctl(2): the signal that the calling process gets when its parent dies
PROJECT = Path(__file__).resolve().parents[2]


def run(program: str, arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, env=environment)`."""
    # Prefect reads its settings when it is imported.
    prefect = tuple(sorted((name, value) for name, value in environment.items() if name.startswith("PREFECT_")))
    process = _warm(prefect)
    assert process.stdin is not None and process.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder) / name for name in ("stdout", "stderr")]
        asked = {"program": program, "arguments": list(arguments), "environment": dict(environment), "said": list(map(str, said))}
        try:
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            code = int(process.stdout.readline())
        except BaseException:           # a test out of time: what it ran goes on, and its answer would be taken for the next one's
            process.kill()
            _warm.cache_clear()
            raise
        stdout, stderr = (path.read_text(encoding="utf-8", errors="replace") for path in said)
    return subprocess.CompletedProcess(["meridian", *arguments], code, stdout, stderr)


@cache
def _warm(prefect: tuple[tuple[str, str], ...]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.flows.warm"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT, env={**os.environ, **dict(prefect)})
    atexit.register(process.kill)
    return process


def main() -> None:
    """A JSON line on stdin is a program to run; its exit code, negative for a signal, goes to stdout."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.environ["GX_ANALYTICS_ENABLED"] = "false"        # asked for at import
    import dbt.adapters.duckdb
    import dbt.cli.main  # noqa: F401
    import great_expectations  # noqa: F401

    import flows.cli
    import flows.nightly  # noqa: F401

    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(asked)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _become(asked: Mapping[str, Any]) -> NoReturn:
    for number, path in zip((0, 1, 2), ("/dev/null", *asked["said"]), strict=True):
        handle = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(handle, number)
        os.close(handle)
    os.environ.clear()
    os.environ.update(asked["environment"])
    warm_dbt.offer()
    sys.argv = ["-c", *asked["arguments"]]
    code: Any = 0
    try:
        exec(compile(asked["program"], "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for engine in [one for one in gc.get_objects() if isinstance(one, Engine)]:     # SQLite takes its log away when the last connection is closed
        engine.dispose()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not by sys.exit: DuckDB's module has had a thread since it was imported, the fork has not, and its destructor aborts over that.
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    main()
