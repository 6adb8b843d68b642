"""What a night says of a test of the marts that found something, and what it does when dbt cannot begin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

import duckdb
import msgpack
import pytest

from flows import build
from flows.build import LONGEST_EXAMPLE, Node, _with_examples
from flows.dbt_process import COULD_NOT_RUN, _node
from flows.dbt_shortcuts import PARSED
from flows.settings import Settings
from flows.stopping import Stop
from flows.store import ledger as ledgers
from tests.flows.conftest import Company

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


def test_where_dbt_remembers_the_project_wrongly_it_looks_at_all_of_it_again(lived_company: Company) -> None:
    settings, said = lived_company.settings(), list[str]()
    told = build.run_environment(settings, ledgers.open_ledger(settings.ledger), as_of=date(2026, 3, 1), version="x", now=datetime(2026, 3, 2, tzinfo=UTC))
    parsed = build.target_folder(settings) / PARSED
    remembered = msgpack.unpackb(parsed.read_bytes(), strict_map_key=False)
    del remembered["nodes"]["model.meridian.kpi_revenue"]           # its file has not changed, so nothing would bring it back
    parsed.write_bytes(msgpack.packb(remembered))
    build.run_dbt(settings, ["ls"], told=told, say=said.append)
    assert said == ["dbt could not begin; it looks at the whole project once more"]
    assert "model.meridian.kpi_revenue" in msgpack.unpackb(parsed.read_bytes(), strict_map_key=False)["nodes"]


def test_what_is_wrong_with_the_project_itself_is_told_after_a_second_look(lived_company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, looks = lived_company.settings(), list[bool]()

    def wrong(*_: object) -> tuple[int, list[Node], list[str]]:
        looks.append((build.target_folder(settings) / PARSED).exists())
        return COULD_NOT_RUN, [], ["Compilation Error: no model of that name"]

    monkeypatch.setattr(build, "_run_once", wrong)
    with pytest.raises(build.BuildFailed, match="no model of that name"):
        build.run_dbt(settings, ["build"], told={})
    assert looks == [True, False]


def test_a_build_that_broke_off_in_the_middle_is_not_begun_again(lived_company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, looks, said = lived_company.settings(), list[None](), list[str]()

    def wrong(settings: Settings, arguments: Sequence[str], told: Mapping[str, str], say: Callable[[str], None], stop: Stop) -> tuple[int, list[Node], list[str]]:
        looks.append(None)
        say("1 of 2 OK created sql table model marts.kpi_revenue")
        return COULD_NOT_RUN, [], ["IO Error: the disk has gone"]

    monkeypatch.setattr(build, "_run_once", wrong)
    with pytest.raises(build.BuildFailed, match="the disk has gone"):
        build.run_dbt(settings, ["build"], told={}, say=said.append)
    assert len(looks) == 1 and said == ["1 of 2 OK created sql table model marts.kpi_revenue"]
