"""Alert: look at what is published, decide what is new, and promise the messages about it. After every night, and every quarter of an hour for what
only time brings: reminders, escalations, silences and acknowledgements that ran out."""

from __future__ import annotations

from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows import alerts, hosts
from flows.settings import load
from flows.store import leases, published
from flows.store import ledger as ledgers


@flow(name="alert", flow_run_name="alerts", persist_result=False)
def alert(config: str | None = None) -> State[Any]:
    """Evaluate the alerts of the current version. config: path of meridian.toml (default: as `meridian` finds it)."""
    settings = load(config)
    ledger = ledgers.open_ledger(settings.ledger)
    try:
        hosts.bring_current(settings, ledger)
        found = alerts.evaluate_now(settings, ledger)
    except leases.LeaseTaken as error:
        return Completed(name="Refused", message=str(error))       # whoever holds it tells what there is to tell
    except published.PublishError as error:
        return Completed(name="Nothing published", message=str(error))
    for problem in found.problems:
        get_run_logger().error(problem)
    if found.problems:
        return Failed(name="Wrong rules", message=f"{found.sentence}; {len(found.problems)} problems: {'; '.join(found.problems)}")
    return Completed(message=found.sentence)
