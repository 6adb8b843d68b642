"""Spread: a night asks the work pool to read its sources, one run each, and waits for what came of them. Nobody at it, or gone: the source is read here."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import get_run_logger
from prefect.deployments import run_deployment

from flows import ingest as ingesting
from flows.settings import Settings
from flows.stopping import Stop
from flows.store import leases, shares
from flows.store import ledger as ledgers

LOOK_EVERY = 2.0            # seconds
DEPLOYMENT = "read/read"


def read(
    settings: Settings, ledger: ledgers.Ledger, night: str, names: Sequence[str], believe: frozenset[str], stop: Stop,
) -> dict[str, list[ingesting.StreamResult]]:
    """The sources that other hosts have read, with what became of their streams. What is missing is to be read here."""
    options = settings.configuration.night
    asked = [name for name in names if name not in options.read_here] if options.spread else []
    if not asked:
        return {}
    shares.ask(ledger, night, asked, now=settings.clock())
    logger = get_run_logger()
    try:
        for name in asked:
            run_deployment(
                DEPLOYMENT, parameters={"source": name, "night": night, "believe": sorted(believe), "config": str(settings.path)}, timeout=0,
                idempotency_key=f"{night} {name}", as_subflow=False)
    except Exception as error:
        # Prefect's client has many; what it is does not matter: whatever nobody begins is read here.
        logger.error(f"the work pool could not be asked, what nobody begins is read here: {type(error).__name__}: {error}")
    waited, found = 0.0, {}
    while True:
        now = shares.standing(ledger, night)
        found = {name: [ingesting.from_json(result) for result in results] for name, (state, results) in now.items() if state == "done"}
        open_ones = [name for name in asked if now[name][0] in ("asked", "reading")]
        for name in open_ones:
            state, lives = now[name][0], leases.holder(ledger, shares.lease_of(name), now=settings.clock())
            if lives is None and (state == "reading" or waited >= options.spread_seconds) and shares.take(ledger, night, name, state):
                logger.warning(f"{name}: " + ("who read it is gone" if state == "reading" else f"nobody began within {waited:,.0f} s") + "; it is read here")
        if not open_ones:
            return found
        stop.sleep(LOOK_EVERY)
        waited += LOOK_EVERY
