"""The reading of a spread night, without what comes behind it: a program for the tests of several hosts.

    python -m tests.flows.spreading <meridian.toml> [<meridian.toml of the host that reads for it> [<Python to run there first>]]

The work pool is one process on that host for all that is asked for, or nobody.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from flows import hosts, spread
from flows import read as reads
from flows.settings import load
from flows.stopping import Stop
from flows.store import leases
from flows.store import ledger as ledgers

QUICK = "from datetime import timedelta\nfrom flows.store import leases\nleases.LASTS, leases.BEAT = timedelta(seconds=4), timedelta(seconds=0.5)\n"


@flow(name="asking", task_runner=ThreadPoolTaskRunner(max_workers=8), persist_result=False)  # type: ignore[arg-type]
def asking(config: str, worker: str | None, prelude: str) -> list[str]:
    settings = load(config)
    ledger = ledgers.open_ledger(settings.ledger)
    leases.LASTS, leases.BEAT = timedelta(seconds=4), timedelta(seconds=0.5)
    asked: list[dict[str, Any]] = []

    def run_deployment(_name: str, *, parameters: dict[str, Any], **_options: Any) -> None:
        asked.append({**parameters, "config": worker})
        if worker and len(asked) == 2:
            program = f"import socket, sys\nsocket.gethostname = lambda: 'worker'\n{QUICK}{prelude}\nfrom flows.read import read\n" + "\n".join(
                f"print(read(**{one!r}, return_state=True))" for one in asked)
            subprocess.Popen([sys.executable, "-c", program], env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    spread.run_deployment, spread.LOOK_EVERY = run_deployment, 0.2  # type: ignore[assignment]
    with leases.lease(ledger, "night", purpose="a night", now=settings.clock()), ExitStack() as until:
        hosts.begin(settings, ledger)
        names = list(settings.configuration.sources)
        elsewhere = spread.read(settings, ledger, "a night", names, frozenset(), Stop())
        here = reads.read_here(settings, reads.store_of(settings, ledger, frozenset()), [name for name in names if name not in elsewhere], until)
        hosts.bring_batches(settings, ledger)
    return [f"{name} elsewhere" for name in elsewhere] + sorted({f"{result.source} here" for result in here.results})


def main(config: str, worker: str | None = None, prelude: str = "") -> None:
    print(json.dumps({"read": asking(config, worker, prelude)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
