"""The steps of `steps.py` as a job of Dagster, its history kept in the folder; run by the Python of an environment of Dagster's own.

    python dagster_peer.py FOLDER FILE COUNT CONFIGURATION      CONFIGURATION: a JSON object; "how": "process" (everything in this one) or
                                                                "command" (`dagster job execute`, which starts a process a step)

Says on its last line, as JSON, the versions.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

QUIET = {"DAGSTER_DISABLE_TELEMETRY": "yes", "DO_NOT_TRACK": "1"}


def steps() -> Any:
    """The job, of the file and the count that the environment names."""
    from dagster import In, Nothing, Out, job, op

    from tests.benchmarks.steps import step

    file, count = os.environ["STEPS_FILE"], int(os.environ["STEPS_COUNT"])

    def made(number: int) -> Any:
        @op(name=f"step_{number}", ins={"after": In(Nothing)} if number else {}, out=Out(Nothing))
        def one() -> None:
            step(file, number)

        return one

    @job(name="steps")
    def chain() -> None:
        before = None
        for number in range(count):
            before = made(number)(before) if number else made(number)()

    return chain


def main() -> None:
    folder, asked = Path(sys.argv[1]), json.loads(sys.argv[4])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    os.environ.update({**QUIET, "DAGSTER_HOME": str(folder), "STEPS_FILE": sys.argv[2], "STEPS_COUNT": sys.argv[3]})
    if asked["how"] == "command":
        subprocess.run([str(Path(sys.executable).with_name("dagster")), "job", "execute", "-f", __file__, "-a", "steps"], check=True, stdout=subprocess.DEVNULL)
    else:
        from dagster import DagsterInstance

        with DagsterInstance.get() as history:
            assert steps().execute_in_process(instance=history).success
    print(json.dumps({"versions": {"dagster": version("dagster")}}), flush=True)


if __name__ == "__main__":
    main()
