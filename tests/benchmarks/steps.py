"""Steps that do next to nothing, so that what is left is what runs them: each adds its number to a file, one after the other.

    python -m tests.benchmarks.steps plain FILE COUNT
    python -m tests.benchmarks.steps night FILE COUNT HOME      tasks of a flow, as `meridian nightly` runs its own; HOME: of a deployment
    python -m tests.benchmarks.steps alone FILE COUNT HOME      the same flow without a server: Prefect starts one for it

Says on its last line, as JSON, the versions.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def step(file: str, number: int) -> None:
    with Path(file).open("a", encoding="utf-8") as numbers:
        numbers.write(f"{number}\n")


def plain(file: str, count: int) -> None:
    for number in range(count):
        step(file, number)


def flow(file: str, count: int) -> None:
    """A flow with the options of flows/nightly.py. Prefect reads its settings when it is imported."""
    import prefect
    from prefect.cache_policies import NO_CACHE
    from prefect.task_runners import ThreadPoolTaskRunner

    one = prefect.task(name="step", persist_result=False, cache_policy=NO_CACHE)(step)

    @prefect.flow(name="steps", flow_run_name="steps", task_runner=ThreadPoolTaskRunner(max_workers=8), persist_result=False)  # type: ignore[arg-type]
    def steps(file: str, count: int) -> None:
        for number in range(count):
            one(file, number)

    steps(file, count)


def night(file: str, count: int, home: Path) -> None:
    from flows import up
    from flows.settings import load

    settings = load(home / "meridian.toml", environment={})
    with up.pointed_at(up.ensure_server(settings, say=lambda _: None), settings):
        flow(file, count)


def alone(file: str, count: int, home: Path) -> None:
    from flows import up

    os.environ.update({**up.QUIET, "PREFECT_HOME": str(home / "alone"), "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
                       "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300"})
    flow(file, count)


def main() -> None:
    how, file, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if how == "plain":
        plain(file, count)
        versions = {}
    else:
        {"night": night, "alone": alone}[how](file, count, Path(sys.argv[4]))
        from importlib.metadata import version

        versions = {"prefect": version("prefect")}
    print(json.dumps({"versions": versions}), flush=True)


if __name__ == "__main__":
    main()
