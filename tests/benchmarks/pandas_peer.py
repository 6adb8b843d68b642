"""What an afternoon gives, in the benchmark of reading and loading: requests, pandas and DuckDB; run by the Python of an environment of its own.

    python pandas_peer.py FOLDER URL CONFIGURATION      CONFIGURATION: a JSON object; "pages": so many are one DataFrame (none: all of them)

Every page is fetched before anything is typed of it; what is nested becomes JSON. It hashes nothing, keeps no landing and no position: one that dies begins
again. Says on its last line, as JSON, the rows and the checksum of two typed columns.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import version
from itertools import chain, islice
from pathlib import Path
from typing import Any

COLUMNS = {
    "url": "varchar", "id": "bigint", "external_id": "varchar", "via": "json", "created_at": "timestamp", "updated_at": "timestamp",
    "generated_timestamp": "bigint", "type": "varchar", "subject": "varchar", "priority": "varchar", "status": "varchar", "requester_id": "bigint",
    "assignee_id": "bigint", "organization_id": "bigint", "group_id": "bigint", "tags": "json", "custom_fields": "json", "satisfaction_rating": "json",
    "description": "varchar",
}
NUMBERS = [name for name, kind in COLUMNS.items() if kind == "bigint"]
MOMENTS = [name for name, kind in COLUMNS.items() if kind == "timestamp"]
NESTED = [name for name, kind in COLUMNS.items() if kind == "json"]


def pages(url: str) -> Iterator[list[dict[str, Any]]]:
    """The tickets of one page after the other."""
    import requests

    path: str | None = "/tickets"
    with requests.Session() as session:
        while path:
            answer = session.get(url + path, timeout=60)
            answer.raise_for_status()
            body = answer.json()
            yield body["tickets"]
            path = body["next"]


def load(file: Path, url: str, together: int | None) -> None:
    import duckdb
    import pandas as pd

    with duckdb.connect(str(file)) as warehouse:
        warehouse.execute(f"create table tickets ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")
        waiting = pages(url)
        while records := list(chain.from_iterable(islice(waiting, together))):
            frame = pd.DataFrame.from_records(records, columns=list(COLUMNS))
            for name in NUMBERS:
                frame[name] = frame[name].astype("Int64")
            for name in MOMENTS:
                frame[name] = pd.to_datetime(frame[name], format="%Y-%m-%dT%H:%M:%SZ")
            for name in NESTED:
                frame[name] = [json.dumps(value, ensure_ascii=False) for value in frame[name]]
            warehouse.execute("insert into tickets by name select * from frame")


def main() -> None:
    folder, url, asked = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    load(folder / "peer.duckdb", url, asked.get("pages"))
    import duckdb

    with duckdb.connect(str(folder / "peer.duckdb"), read_only=True) as warehouse:
        found = warehouse.execute("select count(*), sum(requester_id)::varchar, sum(epoch(updated_at)::bigint)::varchar from tickets").fetchone()
        assert found is not None
        columns = len(warehouse.execute("describe tickets").fetchall())
    print(json.dumps({"rows": found[0], "checksum": found[1:], "columns": columns, "versions": {name: version(name) for name in ("pandas", "duckdb")}}), flush=True)


if __name__ == "__main__":
    main()
