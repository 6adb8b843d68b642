"""What a night says of a test of the marts that found something."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import duckdb

from flows.build import LONGEST_EXAMPLE, Node, _with_examples
from flows.dbt_process import _node

ASKED = 'select relation, row_count, nothing from "warehouse"."marts"."broken"'
MESSAGE = "Got 3 results, configured to fail if != 0"


def test_what_a_test_found_is_told_with_its_first_rows(tmp_path: Path) -> None:
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as warehouse:
        warehouse.execute("create schema marts; create table marts.broken as select * from (values ('an order names no customer', 24, null), "
                          "('a receipt names no supplier', 1, null), ('not shown', 2, null)) as found (relation, row_count, nothing)")
    result = SimpleNamespace(node=SimpleNamespace(name="relations_hold", resource_type="test", compiled_code=ASKED), status="fail", execution_time=0.5, message=MESSAGE)
    node = _with_examples(Node(**_node(result)), file)
    assert node.message == (f"{MESSAGE}: relation an order names no customer, row_count 24; relation a receipt names no supplier, row_count 1")

    gone = Node(name="n", kind="test", status="fail", seconds=0, message=MESSAGE, asked=ASKED.replace("broken", "gone"))
    assert _with_examples(gone, file).message == MESSAGE
    long = Node(name="n", kind="test", status="warn", seconds=0, message=MESSAGE, asked=f"select repeat('x', {LONGEST_EXAMPLE + 1}) as said")
    assert _with_examples(long, file).message == f"{MESSAGE}: said {'x' * LONGEST_EXAMPLE}…"


def test_a_test_that_passed_says_no_more_than_that() -> None:
    node = SimpleNamespace(name="relations_hold", resource_type="test", compiled_code=ASKED)
    told = _node(SimpleNamespace(node=node, status="pass", execution_time=0.5, message=None))
    assert told == {"name": "relations_hold", "kind": "test", "status": "pass", "seconds": 0.5, "message": ""}
