"""Report: the weekly operations report and the monthly review, by schedule."""

from __future__ import annotations

from typing import Any, Literal

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows import channels, hosts, reports
from flows.reporting.review import NothingToReport
from flows.settings import load
from flows.store import ledger as ledgers
from flows.store import published


@flow(name="report", flow_run_name="{grain} report", persist_result=False)
def report(grain: Literal["week", "month"] = "week", period: str | None = None, config: str | None = None) -> State[Any]:
    """Write a report in every language of the company, tell the channels of [reports] of it.

    grain: week or month, where no period is named. period: 2026-W43 or 2026-10 (default: the last one that is over). config: path of meridian.toml.
    """
    settings = load(config)
    ledger = ledgers.open_ledger(settings.ledger)
    try:
        hosts.bring_current(settings, ledger)
        written = reports.write(settings, reports.period_of(settings, period, grain), settings.configuration.company.languages, as_pdf=True)
    except (NothingToReport, ValueError, published.PublishError) as error:
        return Failed(name="Nothing to report", message=str(error))
    if written.no_pdf:
        get_run_logger().warning(written.no_pdf)
    told = reports.promise(settings, ledger, written, now=settings.clock())
    channels.deliver_due(settings, ledger)
    return Completed(message=f"{', '.join(path.name for path in written.files)} in {reports.folder(settings)}; {told} channels told")
