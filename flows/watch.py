"""Watch: examine what was promised, and tell a dead man's switch outside that all is well; what it does not hear from, it raises the alarm for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import requests

from flows import channels
from flows.alerting import auditor
from flows.alerting.auditor import Check
from flows.settings import Settings
from flows.store import alerts
from flows.store.ledger import Ledger


@dataclass(frozen=True, kw_only=True)
class Watched:
    """findings: what is not as it must be. switch: what became of telling the switch; '' where none is configured or nothing was told."""

    findings: tuple[str, ...]
    switch: str = ""


def watch(settings: Settings, ledger: Ledger, *, more: Sequence[Check] = ()) -> Watched:
    """Examine, and tell the switch only when all is well. more: what else must hold."""
    chosen = settings.configuration.watch
    told = channels.configured(settings)
    # Without a channel alerts are kept, and nobody is to be told.
    checks = [alerts.unheard, *more] if told else more
    with ledger.begin() as connection:
        findings = auditor.examine(connection, now=settings.clock(), overdue=timedelta(minutes=chosen.overdue_minutes), channels=told, more=checks)
    if findings or chosen.url_env is None:
        return Watched(findings=tuple(findings))
    return Watched(findings=(), switch=_tell(settings.secrets.get(chosen.url_env, ""), chosen.url_env))


def _tell(url: str, variable: str) -> str:
    if not url:
        return f"{variable} is not set, nobody watches over us"
    try:
        status = requests.get(url, timeout=(5, 10), headers={"User-Agent": "meridian"}).status_code
    except requests.RequestException as error:
        return f"the dead man's switch was not reached: {type(error).__name__}"           # the exception itself holds the address
    return "told" if status < 300 else f"the dead man's switch said HTTP {status}"
