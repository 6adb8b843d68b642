"""Automate: look at the published lists, propose, and do what was agreed to. After every night, and every ten minutes for what people answered since."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows import automations, gallery, hosts
from flows.settings import load
from flows.store import ledger as ledgers


@flow(name="automate", flow_run_name="automations", persist_result=False)
def automate(playbook: str | None = None, config: str | None = None) -> State[Any]:
    """Propose and execute. playbook: only this one (default: all). config: path of meridian.toml (default: as `meridian` finds it)."""
    settings, began = load(config), datetime.now(UTC)
    ledger = ledgers.open_ledger(settings.ledger)
    hosts.bring_current(settings, ledger)
    done, problems = automations.run_now(settings, ledger, only=playbook)
    gallery.leave(settings, since=began)
    said = automations.sentence(done)
    for problem in problems:
        get_run_logger().error(problem)
    if problems:
        return Failed(name="Wrong playbooks", message=f"{said}; {len(problems)} problems: {'; '.join(problems)}")
    return Completed(message=said)
