"""Night after night gives what one reading of everything gives: late rows, changes and deletes included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.dbt_project.commerce.conftest import SELECT
from tests.dbt_project.commerce.test_orders import history
from tests.dbt_project.warehouse_builder import WarehouseBuilder

NIGHTS = 3
Landed = tuple[str, Mapping[str, Any] | None]


def nights() -> list[dict[tuple[str, str], Sequence[Landed]]]:
    """Every third record comes a night late and every third two; on the first night half of those that come are still unfinished, and some go again."""
    landed: list[dict[tuple[str, str], list[Landed]]] = [{} for _ in range(NIGHTS)]
    for stream, records in history().records.items():
        for place, record in enumerate(records):
            key = str(record["id"])
            landed[place % NIGHTS].setdefault(stream, []).append((key, record))
            if place % NIGHTS == 0 and place % 2 == 0:
                landed[0][stream][-1] = (key, {**record, "quantity": 1.0, "state": "draft", "amount": "1.00", "comment": None})
                landed[1].setdefault(stream, []).append((key, record))
    for night, sale in ((1, "1"), (2, "4")):
        landed[night].setdefault(("tryton", "sale_sale"), []).append((sale, None))
    return [dict(night) for night in landed]


def tables(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    connection = duckdb.connect(str(path), read_only=True)
    try:
        names = [row[0] for row in connection.execute("select table_name from information_schema.tables where table_schema = 'marts' order by 1").fetchall()]
        return {name: sorted(connection.execute(f"select * from marts.{name}").fetchall(), key=repr) for name in names}
    finally:
        connection.close()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    builder = WarehouseBuilder(folder=tmp_path_factory.mktemp("nights"), target=dbt_target, manifest=dbt_manifest)
    for night in nights():
        builder.land(night, source="erp")
        builder.build(SELECT, as_of="2026-03-31")
    by_nights = tables(builder.path)
    builder.build(SELECT, as_of="2026-03-31", rebuild=True)
    return by_nights, tables(builder.path)


def test_the_marts_after_three_nights_are_those_of_one_reading(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    by_nights, at_once = both
    assert by_nights.keys() == at_once.keys() and len(by_nights["fct_orders"]) == 18
    assert [name for name in at_once if by_nights[name] != at_once[name]] == []
