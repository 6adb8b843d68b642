"""Deliver: every five minutes, what is due goes out, and what was promised is examined."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows import channels, hosts, lateness
from flows import watch as watching
from flows.settings import load
from flows.store import ledger as ledgers

PATIENCE = timedelta(minutes=2)             # for the limits of channels; the next run comes in five


@flow(name="deliver", flow_run_name="delivery", persist_result=False)
def deliver(config: str | None = None) -> State[Any]:
    """Tell of late marts, send what is due, examine what was promised, tell the dead man's switch.

    config: path of meridian.toml (default: as `meridian` finds it)."""
    settings = load(config)
    ledger = ledgers.open_ledger(settings.ledger)
    hosts.bring_current_if_it_can_be(settings, ledger, get_run_logger().error)         # an older one would be called late
    lateness.promise(settings, ledger)
    done = channels.deliver_due(settings, ledger, patience=PATIENCE)
    said = ", ".join(f"{number} {what}" for what, number in sorted(done.items())) or "nothing to send"
    late = list(lateness.findings(settings, settings.clock()))
    watched = watching.watch(settings, ledger, more=[lambda connection, now: late])
    if watched.switch not in ("", "told"):
        get_run_logger().warning(watched.switch)
    if watched.findings:
        return Failed(name="Late marts" if list(watched.findings) == late else "Not delivered", message="; ".join([*watched.findings, said]))
    return Completed(message=said)
