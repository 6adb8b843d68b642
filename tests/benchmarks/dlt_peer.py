"""dlt's rest_api source in the benchmark of reading and loading; run by the Python of an environment of dlt's own.

    python dlt_peer.py FOLDER URL CONFIGURATION      CONFIGURATION: a JSON object, see `extract.DLT`

Says on its last line, as JSON, the rows and the checksum of two typed columns.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path


def main() -> None:
    folder, url, asked = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ.update({"DLT_DATA_DIR": str(folder), "RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR", **asked.get("environment", {})})
    import dlt
    import duckdb
    from dlt.sources.rest_api import rest_api_source

    source = rest_api_source({
        "client": {"base_url": url, "paginator": {"type": "json_link", "next_url_path": "next"}},
        "resources": [{"name": "tickets", "endpoint": {"path": "tickets", "data_selector": "tickets"}}],
    })
    if "nesting" in asked:
        source.max_table_nesting = asked["nesting"]
    pipeline = dlt.pipeline(pipeline_name="peer", destination=dlt.destinations.duckdb(str(folder / "peer.duckdb")), dataset_name="desk",
                            pipelines_dir=str(folder / "pipelines"))
    pipeline.run(source, loader_file_format=asked.get("format")).raise_on_failed_jobs()
    with duckdb.connect(str(folder / "peer.duckdb"), read_only=True) as warehouse:
        rows, *sums = warehouse.execute("select count(*), sum(requester_id)::varchar, sum(epoch(updated_at)::bigint)::varchar from desk.tickets").fetchone()
        columns = len(warehouse.execute("describe desk.tickets").fetchall())
    print(json.dumps({"rows": rows, "checksum": sums, "columns": columns, "versions": {"dlt": dlt.__version__, "duckdb": duckdb.__version__}}), flush=True)


if __name__ == "__main__":
    main()
