"""`[automations]` in meridian.toml: which systems may be written to, what playbooks do here, and who says yes.

    [automations]
    folder = "playbooks"                      # beside meridian.toml: a file there adds a playbook, or replaces the shipped one of its name
    agreement = 0.95                          # how often people must have decided as it proposed before a playbook may run by itself,
    decisions = 20                            # over at least so many decisions
    shared_accounts = ["ops"]                 # accounts of the operating system that several people work under: where four eyes are asked for, one of
                                              # these tells nobody from another; every other account is one person, in whatever role

    [automations.targets.erp]                 # secrets: MERIDIAN_ERP_<what the kind asks for>, in the environment or .env
    kind = "tryton"
    url = "https://erp.example.com/company"

    [automations.playbooks.supplier_contingency]
    mode = "approve"                          # other than shipped: off, shadow, propose, approve, auto
    caps = {per_run = 10}
    approvers = ["supply_lead"]
    targets = {erp = "erp_test"}              # its 'erp' is our 'erp_test'

    [automations.approvers.supply_lead]       # a role, as playbooks name approvers; channels by default those of [alerts.people.supply_lead]
    name = "Mira Okafor"
    channels = ["mira_mail"]
    users = ["mira"]                          # who this is at a terminal
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Target(BaseModel):
    """kind and, beside it, the options of that kind."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: str

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Approver(_Options):
    name: str = ""
    channels: tuple[str, ...] = ()
    users: tuple[str, ...] = ()


class Automations(_Options):
    folder: str = "playbooks"
    agreement: float = Field(default=0.95, ge=0, le=1)
    decisions: int = Field(default=20, ge=0)
    targets: dict[str, Target] = {}
    playbooks: dict[str, dict[str, Any]] = {}
    approvers: dict[str, Approver] = {}
    shared_accounts: tuple[str, ...] = ()
