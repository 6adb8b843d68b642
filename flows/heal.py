"""Heal: every half hour, mend what no person is needed for (flows/healing.py), and fail with a plain sentence when one is."""

from __future__ import annotations

from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows import healing, hosts
from flows.settings import load
from flows.store import ledger as ledgers


@flow(name="heal", flow_run_name="heal", persist_result=False)
def heal(config: str | None = None) -> State[Any]:
    """config: path of meridian.toml (default: as `meridian` finds it)."""
    settings = load(config)
    mended, left = [], []
    ledger = ledgers.open_ledger(settings.ledger)
    hosts.bring_current_if_it_can_be(settings, ledger, get_run_logger().error)         # an older one would be called late
    for found in healing.ailments(settings, ledger, healing.reached(settings)):
        get_run_logger().warning(f"{found.subject}: {found.detail}")
        if found.fix is None:
            left.append(f"{found.subject}: {found.detail} — {found.mend}")
            continue
        try:
            mended.append(f"{found.subject}: {found.fix()}")
        except Exception as error:            # keeps nothing else from being mended; in half an hour it is tried again
            left.append(f"{found.subject}: {found.detail} — could not be mended: {type(error).__name__}: {error}")
    if left:
        return Failed(name="Needs a person", message="; ".join([*left, *mended]))
    return Completed(name="Mended" if mended else "Well", message="; ".join(mended) or "nothing to mend")
