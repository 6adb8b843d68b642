"""One night of a deployment, with Prefect and without: the same functions in the same process, called as they are.

    python -m tests.benchmarks.quiet_night CONFIG [--without]

Says on its last line, as JSON, how the night ended, how many tasks it had, and the CPU seconds of importing Prefect (which both do).
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from flows import cli, up
from flows.settings import load
from flows.store import ledger as ledgers


def imported() -> float:
    """CPU seconds of importing what flows/nightly.py has of Prefect."""
    before = time.process_time()
    import prefect.cache_policies
    import prefect.states
    import prefect.task_runners  # noqa: F401

    return time.process_time() - before


def plain_calls(until: ExitStack) -> None:
    """Flows and tasks are the functions they are made of."""
    import prefect
    from prefect.logging.loggers import disable_run_logger
    from prefect.states import Completed

    from flows import night_report

    def call(task: Any, *arguments: Any, return_state: bool = False, **named: Any) -> Any:
        given = task.fn(*arguments, **named)
        return Completed(data=given) if return_state else given

    def submit(task: Any, *arguments: Any, **named: Any) -> Any:
        return SimpleNamespace(wait=lambda: None, state=Completed(data=task.fn(*arguments, **named)))

    until.enter_context(patch.object(prefect.Task, "__call__", call))
    until.enter_context(patch.object(prefect.Task, "submit", submit))
    until.enter_context(patch.object(prefect.Flow, "__call__", lambda flow, *arguments, return_state, **named: flow.fn(*arguments, **named)))
    until.enter_context(patch.object(night_report, "leave_artifacts", lambda *_: None))
    until.enter_context(disable_run_logger())           # last: the first touch of prefect.Task sets logging up anew


def counted(until: ExitStack) -> list[str]:
    """The names of the tasks that are called or submitted from here on."""
    import prefect

    names: list[str] = []

    def noting(method: Any) -> Any:
        def noted(task: Any, *arguments: Any, **named: Any) -> Any:
            names.append(task.name)
            return method(task, *arguments, **named)

        return noted

    for method in ("__call__", "submit"):
        until.enter_context(patch.object(prefect.Task, method, noting(getattr(prefect.Task, method))))
    return names


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--without", action="store_true")
    asked = parser.parse_args()
    settings = load(asked.config, environment={})
    ledger = ledgers.open_ledger(settings.ledger)
    before = {night["run"] for night in ledgers.list_nights(ledger, limit=1)}
    with ExitStack() as until:
        if asked.without:
            nobody = up.Server(api="http://127.0.0.1:9/api")
            until.enter_context(patch.object(up, "ensure_server", lambda *_, **__: nobody))
        server = up.ensure_server(settings, say=lambda _: None)
        until.enter_context(up.pointed_at(server, settings))        # before Prefect is imported
        seconds = imported()
        if asked.without:
            plain_calls(until)
        tasks = counted(until)
        cli.app(["nightly", "--config", str(asked.config)], standalone_mode=False)
    last = ledgers.list_nights(ledger, limit=1)[0]
    assert last["run"] not in before, "the night did not begin"
    print(json.dumps({"state": last["state"], "version": last["version"], "tasks": len(tasks), "import": seconds}), flush=True)


if __name__ == "__main__":
    main()
