"""`[alerts]` in meridian.toml: who is told of what, which shipped rules are off, and where a company keeps rules of its own.

    [alerts]
    folder = "alerts"                         # beside meridian.toml: a file there adds a rule, or replaces the shipped one of its name
    off = ["order_surge"]
    channels = {inform = ["mail"], warn = ["mail"], act = ["mail", "duty_chat"]}      # without any: the first channel that there is

    [alerts.people.supply_lead]               # a role, as rules and KPIs name owners
    name = "Mira Okafor"
    channels = ["mira_mail"]
    agent = "mira@example.com"                # as in the rosters: how her shifts are found; or team = "Supply"

    [alerts.rules.supplier_late_rate]         # other than shipped, without a copy of the file
    above = 0.12
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Tier = Literal["inform", "warn", "act"]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Person(_Options):
    """Somebody behind a role. agent, team: as the rosters name them; without either the hours of the day count all alike."""

    name: str = ""
    channels: tuple[str, ...] = ()
    agent: str | None = None
    team: str | None = None


class Alerts(_Options):
    folder: str = "alerts"
    off: tuple[str, ...] = ()
    channels: dict[Tier, tuple[str, ...]] = {}
    people: dict[str, Person] = {}
    rules: dict[str, dict[str, Any]] = {}
