"""How a night ends, whatever became of it: what is older than it may be goes, and what is to be told is told."""

from __future__ import annotations

from datetime import timedelta

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from flows import alerts, automations, channels, disk_use, healing, retention
from flows.automation.options import Automations
from flows.disk_use import Use
from flows.healing import Prefect
from flows.settings import Settings
from flows.stopping import Stop
from flows.store import ledger as ledgers
from flows.store import published

STOPPED = ("stopped", "cancelled")       # told to end by a shutdown (it is made up for), or by a person in Prefect (it is not)


def stopped(prefect: Prefect | None, run: str, why: str) -> tuple[str, str]:
    """State and message of a night that was told to end. prefect: to see whether a person cancelled it there."""
    went_on = "what was read has landed and nothing was published; the next night goes on there"
    if prefect is not None and prefect.state_of(run) in ("CANCELLING", "CANCELLED"):
        return "cancelled", f"cancelled in Prefect: {went_on}, or `meridian nightly` now"
    return "stopped", f"{why}: {went_on}. `meridian nightly` runs it now; under `meridian up` it is made up for within the half hour"


def tell_all(settings: Settings, ledger: ledgers.Ledger, stop: Stop) -> None:
    """Alerts, automations, messages. Told to end between them: the runs of the next minutes do the rest."""
    if published.current(settings.published) and not stop():
        tell(settings, ledger)
        if settings.configuration.automations != Automations() and not stop():
            automate(settings, ledger)
    if settings.configuration.channels and not stop():
        deliver(settings, ledger)


@task(name="keep house", persist_result=False, cache_policy=NO_CACHE)
def keep_house(settings: Settings, ledger: ledgers.Ledger) -> Use | None:
    """Retention, and then how many bytes are where. What fails here fails no night: what did not go goes the next time."""
    try:
        for one in retention.prune(settings, ledger, healing.reached(settings)):
            get_run_logger().info(f"gone: {retention.sentence(one)}")
        return disk_use.measure(settings, settings.clock())
    except Exception as error:
        get_run_logger().error(f"retention: {type(error).__name__}: {error}")
        return None


@task(name="alert", persist_result=False, cache_policy=NO_CACHE)
def tell(settings: Settings, ledger: ledgers.Ledger) -> None:
    """Also behind a night that published nothing: that is something to tell. What fails here fails no night, and is told by the next evaluation."""
    try:
        found = alerts.evaluate_now(settings, ledger)
    except Exception as error:
        get_run_logger().error(f"alerts were not evaluated: {type(error).__name__}: {error}")
        return
    get_run_logger().info(found.sentence)
    for problem in found.problems:
        get_run_logger().error(problem)


@task(name="automate", persist_result=False, cache_policy=NO_CACHE)
def automate(settings: Settings, ledger: ledgers.Ledger) -> None:
    """What fails here fails no night: what was not proposed or done is, by the next run in minutes."""
    try:
        done, problems = automations.run_now(settings, ledger)
    except Exception as error:
        get_run_logger().error(f"automations did not run: {type(error).__name__}: {error}")
        return
    if done:
        get_run_logger().info(f"automations: {automations.sentence(done)}")
    for problem in problems:
        get_run_logger().error(problem)


@task(name="deliver", persist_result=False, cache_policy=NO_CACHE)
def deliver(settings: Settings, ledger: ledgers.Ledger) -> None:
    """Send what is due now rather than at the next of the five minutes; what does not go out fails no night and is tried again."""
    try:
        done = channels.deliver_due(settings, ledger, patience=timedelta(minutes=2))
    except Exception as error:
        get_run_logger().error(f"messages were not delivered: {type(error).__name__}")
        return
    if done:
        get_run_logger().info("messages: " + ", ".join(f"{number} {what}" for what, number in sorted(done.items())))
