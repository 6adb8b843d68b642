"""A Singer tap and a Singer target, joined by a pipe, in the benchmark of reading and loading; run by the Python of an environment of their own.

    python singer_peer.py FOLDER URL CONFIGURATION      CONFIGURATION: a JSON object; "lean": the tap writes with msgspec and makes no value fit its schema
    python singer_peer.py tap --config FILE             the tap alone: {"url": ..., "lean": ...}
    python singer_peer.py target --config FILE          the target alone

The tap is what singer-sdk's template comes to for this API, the target is target-duckdb. They hash nothing and keep no landing; the target merges by key.
Says on its last line, as JSON, the rows and the checksum of two typed columns.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

LARGEST = 2**63 - 1         # the target makes a hugeint of a whole number without a maximum


def tap(arguments: Sequence[str]) -> None:
    from singer_sdk import RESTStream, Tap
    from singer_sdk import typing as th
    from singer_sdk.contrib.msgspec import MsgSpecWriter
    from singer_sdk.helpers.conform import TypeConformanceLevel
    from singer_sdk.pagination import BaseHATEOASPaginator

    number = th.IntegerType(maximum=LARGEST)
    fields: dict[str, Any] = {
        "url": th.StringType, "id": number, "external_id": th.StringType, "via": th.ObjectType(additional_properties=True), "created_at": th.DateTimeType,
        "updated_at": th.DateTimeType, "generated_timestamp": number, "type": th.StringType, "subject": th.StringType, "priority": th.StringType,
        "status": th.StringType, "requester_id": number, "assignee_id": number, "organization_id": number, "group_id": number,
        "tags": th.ArrayType(th.StringType), "custom_fields": th.ArrayType(th.ObjectType(additional_properties=True)),
        "satisfaction_rating": th.ObjectType(additional_properties=True), "description": th.StringType,
    }

    class Next(BaseHATEOASPaginator):
        def get_next_url(self, response: Any) -> Any:
            return response.json().get("next")

    class Tickets(RESTStream[Any]):
        name, path, primary_keys, records_jsonpath = "tickets", "/tickets", ("id",), "$.tickets[*]"
        schema = th.PropertiesList(*(th.Property(name, kind, required=name == "id") for name, kind in fields.items())).to_dict()

        @property
        def url_base(self) -> str:
            return str(self.config["url"])

        def get_new_paginator(self) -> Next:
            return Next()

        def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
            return dict(part.split("=", 1) for part in next_page_token.query.split("&")) if next_page_token else {}

    class LeanTickets(Tickets):
        TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    class Desk(Tap):
        name = "tap-desk"
        config_jsonschema = th.PropertiesList(th.Property("url", th.StringType, required=True), th.Property("lean", th.BooleanType)).to_dict()

        def discover_streams(self) -> list[Any]:
            return [(LeanTickets if self.config.get("lean") else Tickets)(self)]

    class LeanDesk(Desk):
        message_writer_class = MsgSpecWriter

    lean = json.loads(Path(arguments[arguments.index("--config") + 1]).read_text(encoding="utf-8")).get("lean")
    (LeanDesk if lean else Desk).cli(list(arguments))


class Headerless:
    """A connection to DuckDB under which the target keeps the first row of each of its batches. Of release 0.8.0 with DuckDB 2.0.1, 999 of 1,000 tickets
    arrived: the file of a batch has no header, and DuckDB takes the first line for one unless it is told."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, query: str, *more: Any) -> Any:
        return self._connection.execute(query.replace("WITH (new_line", "WITH (header false, new_line"), *more)


def target() -> None:
    import target_duckdb

    connect = target_duckdb.duckdb_connect
    target_duckdb.duckdb_connect = lambda configuration: Headerless(connect(configuration))
    target_duckdb.main()


def main() -> None:
    folder, url, asked = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "tap.json").write_text(json.dumps({"url": url, **asked}), encoding="utf-8")
    (folder / "target.json").write_text(json.dumps({"path": str(folder / "peer.duckdb"), "default_target_schema": "desk", "temp_dir": str(folder)}),
                                        encoding="utf-8")
    quiet = {**os.environ, "LOGLEVEL": "WARNING", "TAP_DESK_LOGLEVEL": "WARNING"}
    reading = subprocess.Popen([sys.executable, __file__, "tap", "--config", str(folder / "tap.json")], stdout=subprocess.PIPE, env=quiet)
    loading = subprocess.Popen([sys.executable, __file__, "target", "--config", str(folder / "target.json")], stdin=reading.stdout, stdout=subprocess.DEVNULL,
                               env=quiet)
    assert reading.stdout is not None
    reading.stdout.close()                              # the target alone holds the pipe: the tap is told when it ends
    ended = (loading.wait(), reading.wait())
    if any(ended):
        raise SystemExit(f"target and tap ended with {ended}")
    import duckdb

    with duckdb.connect(str(folder / "peer.duckdb"), read_only=True) as warehouse:
        found = warehouse.execute("select count(*), sum(requester_id)::varchar, sum(epoch(updated_at)::bigint)::varchar from desk.tickets").fetchone()
        assert found is not None
        columns = len(warehouse.execute("describe desk.tickets").fetchall())
    print(json.dumps({"rows": found[0], "checksum": found[1:], "columns": columns,
                      "versions": {name: version(name) for name in ("singer-sdk", "target-duckdb", "duckdb")}}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "tap":
        tap(sys.argv[2:])
    elif sys.argv[1] == "target":
        del sys.argv[1]
        target()
    else:
        main()
