"""The steps of `steps.py` as a DAG of Airflow, by `dag.test()`: everything in one process, without scheduler and API server; its history is kept in SQLite in
the folder. Run by the Python of an environment of Airflow's own.

    python airflow_peer.py FOLDER FILE COUNT CONFIGURATION      CONFIGURATION: a JSON object; "prepare": only makes the database

Says on its last line, as JSON, the versions.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

QUIET = {"AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False", "SCARF_ANALYTICS": "false", "SCARF_NO_ANALYTICS": "true", "DO_NOT_TRACK": "1",
         "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}


def steps() -> Any:
    """The DAG, of the file and the count that the environment names."""
    from airflow.sdk import DAG, task

    from tests.benchmarks.steps import step

    file, count = os.environ["STEPS_FILE"], int(os.environ["STEPS_COUNT"])
    with DAG(f"steps_{count}", schedule=None) as chain:
        before = None
        for number in range(count):
            one = task(task_id=f"step_{number}")(step)(file, number)
            if before is not None:
                before >> one
            before = one
    return chain


def main() -> None:
    folder, asked = Path(sys.argv[1]), json.loads(sys.argv[4])
    os.environ.update({**QUIET, "AIRFLOW_HOME": str(folder), "STEPS_FILE": sys.argv[2], "STEPS_COUNT": sys.argv[3]})
    found = folder / "dags" / "steps_of_a_night.py"         # a run belongs to a DAG that Airflow finds in its folder
    if asked.get("prepare"):
        found.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(__file__, found)
        subprocess.run([str(Path(sys.executable).with_name("airflow")), "db", "migrate"], check=True, stdout=subprocess.DEVNULL)
    else:
        described = spec_from_file_location(found.stem, found)
        assert described is not None and described.loader is not None
        module = module_from_spec(described)
        sys.modules[found.stem] = module
        described.loader.exec_module(module)
        run = module.dag.test()
        assert run.state == "success", run.state
    print(json.dumps({"versions": {"airflow": version("apache-airflow")}}), flush=True)


if __name__ == "__main__":
    main()
elif "STEPS_FILE" in os.environ:
    dag = steps()
