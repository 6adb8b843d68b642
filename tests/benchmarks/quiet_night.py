"""One night of a deployment, with Prefect and without: the same functions in the same process, called as they are.

    python -m tests.benchmarks.quiet_night CONFIG [--without]

Says on its last line, as JSON, how the night ended, how many tasks it had, and the CPU seconds of importing Prefect (which both do).
"""

from __future__ import annotations

import argparse
import json
import os
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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--without", action="store_true")
    asked = parser.parse_args()
    settings = load(asked.config, environment={})
    with ExitStack() as until:
        if asked.without:
            nobody = up.Server(api="http://127.0.0.1:9/api")
            until.enter_context(patch.object(up, "ensure_server", lambda *_, **__: nobody))
        server = up.ensure_server(settings, say=lambda _: None)
        until.enter_context(up.pointed_at(server, settings))        # before Prefect is imported
        seconds = imported()
        tasks = 0
        import prefect
        from prefect.logging.loggers import disable_run_logger
        from prefect.states import Completed

        called = prefect.Task.__call__

        def counted(task: Any, *arguments: Any, **named: Any) -> Any:
            nonlocal tasks
            tasks += 1
            return called(task, *arguments, **named)

        def plainly(task: Any, *arguments: Any, return_state: bool = False, **named: Any) -> Any:
            nonlocal tasks
            tasks += 1
            given = task.fn(*arguments, **named)
            return Completed(data=given) if return_state else given

        def at_once(task: Any, *arguments: Any, **named: Any) -> Any:
            state = plainly(task, *arguments, return_state=True, **named)
            return SimpleNamespace(wait=lambda: None, state=state)

        until.enter_context(patch.object(prefect.Task, "__call__", plainly if asked.without else counted))
        if asked.without:
            from flows import night_report

            until.enter_context(disable_run_logger())
            until.enter_context(patch.object(prefect.Task, "submit", at_once))
            until.enter_context(patch.object(prefect.Flow, "__call__", lambda flow, *arguments, return_state, **named: flow.fn(*arguments, **named)))
            until.enter_context(patch.object(night_report, "leave_artifacts", lambda *_: None))
        else:
            submitted = prefect.Task.submit

            def sent(task: Any, *arguments: Any, **named: Any) -> Any:
                nonlocal tasks
                tasks += 1
                return submitted(task, *arguments, **named)

            until.enter_context(patch.object(prefect.Task, "submit", sent))
        cli.app(["nightly", "--config", str(asked.config)], standalone_mode=False)
    last = ledgers.list_nights(ledgers.open_ledger(settings.ledger), limit=1)[0]
    print(json.dumps({"state": last["state"], "version": last["version"], "tasks": tasks, "import": seconds, "pid": os.getpid()}), flush=True)


if __name__ == "__main__":
    main()
