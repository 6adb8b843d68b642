"""dbt's unit tests stand beside the models; nights leave them out (each costs what a model costs), so they run here."""

from tests.dbt_project.warehouse_builder import WarehouseBuilder


def test_every_unit_test_beside_a_model_holds(running_company: WarehouseBuilder) -> None:
    assert running_company.unit_test() >= 7
