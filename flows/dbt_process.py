"""dbt as a child that dies with its parent, and says only what somebody reads.

A night that is killed while dbt runs must not leave a dbt behind: it would hold the warehouse locked, and the next night could not build.

dbt's own loggers format every event and then drop those below their level. So they are off, and events are listened to: what became of each node and what
went wrong goes to the parent, a JSON line each; whatever is told at level info or above goes to dbt.log. What a build needs to know of its models is told,
too: writing and reading dbt's manifest costs 0.8 s a night.
"""

from __future__ import annotations

import ctypes
import gc
import json
import logging
import os
import signal
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from flows.dbt_nodes import cheaper_nodes
from flows.dbt_shortcuts import NoPandas, compile_when_used, kept_templates, no_debug_events

PR_SET_PDEATHSIG = 1        # prctl(2): "the signal the calling process will get when its parent dies"
FEWEST_TO_COLLECT = 100_000     # objects made and not let go
OUTCOMES = ("LogModelResult", "LogTestResult")
COULD_NOT_RUN = 2
LEVELS = {"info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


def main() -> None:
    """Arguments: the parent's process id, the folder for dbt.log, the warehouse's folder, then dbt's own.

    Ends with 0, or 1 when a node failed, or COULD_NOT_RUN.
    """
    parent, logs, folder, *arguments = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):      # it died before we asked
        os._exit(1)
    log = _log(Path(logs))

    def listen(event: Any) -> None:
        level, name, message = event.info.level, event.info.name, event.info.msg
        if level in LEVELS and message:
            log.log(LEVELS[level], message)
        if level == "error" or name in OUTCOMES:
            _tell(level, name, message)

    compile_when_used()
    sys.meta_path.insert(0, NoPandas)
    from dbt.cli.main import dbtRunner

    # The profile names the warehouse from here: where it lies is part of what dbt remembers of a parse, and a state folder that moved would cost another.
    os.chdir(folder)
    # What dbt remembers of the project stays until it ends: to look through it for cycles again and again was 1.9 of the 22 s of CPU of a quiet night.
    gc.freeze()
    gc.set_threshold(FEWEST_TO_COLLECT, 20, 100)
    with no_debug_events(), cheaper_nodes(), kept_templates(Path(arguments[arguments.index("--target-path") + 1])):
        outcome = dbtRunner(callbacks=[listen]).invoke(["--log-level", "none", "--log-level-file", "none", "--log-path", logs, *arguments])
    if outcome.exception is not None:
        _tell("error", type(outcome.exception).__name__, str(outcome.exception))
    for result in getattr(outcome.result, "results", ()):
        print(json.dumps({"node": _node(result)}), flush=True)
    raise SystemExit(0 if outcome.success else COULD_NOT_RUN if outcome.exception is not None else 1)


def _node(result: Any) -> dict[str, Any]:
    """What became of a node, of a model what publishing it asks for, and of a test that found something how to find it again."""
    node = result.node
    told = {
        "name": node.name, "kind": str(node.resource_type), "status": str(result.status), "seconds": round(result.execution_time, 3),
        "message": (result.message or "").strip(),
    }
    if told["kind"] == "model":
        told["model"] = {
            "schema": node.schema, "alias": node.alias, "tags": node.tags, "description": node.description,
            "columns": {name: column.description for name, column in node.columns.items()}, "strategy": node.config.incremental_strategy,
            "key": node.config.unique_key, "meta": node.config.meta, "parents": list(node.depends_on.nodes),
        }
    if told["kind"] == "test" and told["status"] in ("fail", "warn"):
        told["asked"] = node.compiled_code
    return told


def _tell(level: str, name: str, message: str) -> None:
    print(json.dumps({"level": level, "name": name, "message": message}), flush=True)


def _log(folder: Path) -> logging.Logger:
    folder.mkdir(parents=True, exist_ok=True)
    log = logging.getLogger("meridian.dbt")
    log.setLevel(logging.INFO)
    log.propagate = False
    handler = RotatingFileHandler(folder / "dbt.log", maxBytes=10_000_000, backupCount=5, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    return log


if __name__ == "__main__":
    main()
