"""Writes the sandbox company's meridian.toml and .env: the same format a real company has."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from connectors import registry
from connectors.personal import KEY_VARIABLE
from sandbox import drop
from sandbox.company.plan import Plan
from sandbox.request_tracker.operations import NOTICE
from sandbox.zendesk.load import WORKER_EMAIL
from sandbox.zendesk.triggers import AUTOREPLY

# A source's name -> the kinds that can be it.
ROLES = {"erp": ("tryton", "erpnext", "odoo"), "crm": ("hubspot", "salesforce"), "helpdesk": ("request_tracker", "zendesk", "freshdesk")}
# Streams that one system does without because another of the box tells the same: the leads where there is a CRM, the cases where there is a helpdesk.
LEADS_OF = {"erpnext": ("leads", "opportunities"), "odoo": ("crm_lead", "crm_stage", "crm_lost_reason")}
CASES_OF = {"salesforce": ("case_statuses", "cases", "case_history", "case_comments", "email_messages")}

# Systems that may be written to -> name as a target, its options (as the system says, or this), and the key that writes: its name there, its name here.
TARGETS: Mapping[str, tuple[str, Mapping[str, str], tuple[str, str]]] = {
    "tryton": ("erp", {"url": "", "database": ""}, ("MERIDIAN_ERP_WRITE_KEY", "MERIDIAN_ERP_WRITE_KEY")),
    "request_tracker": ("helpdesk", {"url": "", "tasks": "General", "autoreply": f"Support EMEA/{NOTICE}"},
                        ("REQUEST_TRACKER_WRITE_TOKEN", "MERIDIAN_HELPDESK_WRITE_TOKEN")),
    "zendesk": ("helpdesk", {"url": "", "email": WORKER_EMAIL, "tasks": "General", "autoreply": str(AUTOREPLY)},
                ("ZENDESK_WRITE_TOKEN", "MERIDIAN_HELPDESK_WRITE_TOKEN")),
    "portal": ("partner", {"url": "", "evidence": "state/robots/partner"}, ("MERIDIAN_PARTNER_PASSWORD", "MERIDIAN_PARTNER_PASSWORD")),
}
# Playbook -> the targets that it needs. Those that open a ticket a row (stale opportunities: some seventy) stay lists for people.
PLAYBOOKS: Mapping[str, frozenset[str]] = {
    "order_rekeying": frozenset({"partner"}),
    "supplier_contingency": frozenset({"erp"}), "losing_campaign": frozenset({"erp", "helpdesk"}), "improvement_loop": frozenset({"helpdesk", "register"}),
    **dict.fromkeys(("complaint_escalation", "order_surge", "procedure_correction", "quiet_key_account", "uncovered_shift"), frozenset({"helpdesk"})),
}


def write(home: Path, box: Path, plan: Plan, systems: tuple[str, ...]) -> Path:
    """home: the demo's folder; box: where the systems left their connection facts (<system>.json) and keys (secrets.env). Returns the configuration's path."""
    lines = [
        "# Written by `python -m sandbox up`. A real company's file looks the same: `meridian init` writes one to fill in.",
        "[company]", f"name = {_toml(plan.company)}", f"time_zone = {_toml(plan.time_zone)}", f"currency = {_toml(plan.currency)}",
        'languages = ["en", "zh-CN"]', f"domains = {_toml(sorted({agent.email.rpartition('@')[2] for agent in plan.agents}))}",
        "", "[state]", 'home = "state"',
        "", "[night]", "# The sandbox's systems run under the company's own clock, and so does the night.",
        f"clock_file = {_toml(str((box / 'clock').relative_to(home)))}",
    ]
    for name, calendar in drop.calendars(plan).items():
        lines += ["", f"[calendars.{name}]", *(f"{key} = {_toml(value)}" for key, value in calendar.items())]
    for name, system in ((role, system) for system in systems for role, kinds in ROLES.items() if system in kinds):
        facts = json.loads((box / f"{system}.json").read_text(encoding="utf-8"))
        options = {key: value for key, value in facts.items() if key in registry.option_names(system)}
        told_elsewhere = CASES_OF.get(system, ()) + (LEADS_OF.get(system, ()) if set(systems) & set(ROLES["crm"]) else ())
        if told_elsewhere:
            options["without"] = told_elsewhere
        lines += ["", f"[sources.{name}]", f'kind = "{system}"', *(f"{key} = {_toml(value)}" for key, value in options.items())]
    lines += ["", "[sources.drop]", 'kind = "files"', 'folder = "drop"']
    for stream, options in drop.declaration().items():
        lines.append(f"streams.{stream} = {_toml(options)}")
    lines += _automations(box, systems)
    configuration = home / "meridian.toml"
    configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
    _copy_secrets(box / "secrets.env", home / ".env")
    return configuration


def _automations(box: Path, systems: tuple[str, ...]) -> list[str]:
    """Every system of the box that may be written to, and who says yes to what is done there: whoever sits at this terminal."""
    lines = ["", "# Nothing is written anywhere before somebody agreed: `meridian automations list`. A company names its people here."]
    there = {"register"}
    for system in systems:
        if system in TARGETS:
            name, options, _ = TARGETS[system]
            there.add(name)
            facts = json.loads((box / f"{system}.json").read_text(encoding="utf-8"))
            lines += [f"[automations.targets.{name}]", f'kind = "{system}"',
                      *(f"{key} = {_toml(facts.get(key, value))}" for key, value in options.items()), ""]
    lines += ["[automations.targets.register]", 'kind = "register"', 'folder = "drop"']
    for playbook, needed in PLAYBOOKS.items():
        if needed <= there:
            lines += ["", f"[automations.playbooks.{playbook}]", 'mode = "approve"']
    return lines


def _copy_secrets(source: Path, target: Path) -> None:
    """The systems' keys, those that write by the name of their target, and the one that personal data is hashed with: made once, for with another one
    everybody becomes somebody else."""
    target.touch(mode=0o600)
    before = target.read_text(encoding="utf-8").splitlines()
    personal = next((line for line in before if line.startswith(f"{KEY_VARIABLE}=")), f"{KEY_VARIABLE}={secrets.token_hex(32)}")
    given = source.read_text(encoding="utf-8") if source.exists() else ""
    ours = [f"{variable}={line.partition('=')[2]}" for _, _, (key, variable) in TARGETS.values() for line in given.splitlines()
            if line.startswith(f"{key}=") and key != variable]
    target.write_text(given + "".join(f"{line}\n" for line in (*ours, personal)), encoding="utf-8")


def _key(name: str) -> str:
    """Quoted where it needs to be: columns of a foreign report have spaces in their names."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(str(value), ensure_ascii=False)
