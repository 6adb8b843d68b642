"""A new Odoo database: its first company, the user whose key reads it, and what every module brings along."""

from __future__ import annotations

from sandbox.odoo import database as databases
from sandbox.odoo.database import TRACKED, Database
from sandbox.odoo.server import LOGIN, USER

COMPANY = 1
NOT_INSTALLED = ("helpdesk.stage", "helpdesk.team", "helpdesk.ticket")      # Enterprise


def begin(database: Database, *, name: str, currency: str, time_zone: str, at: int, without: tuple[str, ...] = NOT_INSTALLED) -> None:
    """without: models whose module is not installed."""
    state = database.state
    with state.transaction():
        state.set_fact("not installed", [*without])
        money = databases.create(database, "res.currency", {"name": currency}, at=at)
        partner = databases.create(database, "res.partner", {"name": name, "is_company": True, "tz": time_zone, "type": "contact"}, at=at)
        databases.create(database, "res.company", {"name": name, "currency_id": money, "partner_id": partner}, at=at, identity=COMPANY)
        reader = databases.create(database, "res.partner", {"name": "Meridian", "email": LOGIN, "type": "contact"}, at=at)
        databases.create(database, "res.users", {"login": LOGIN, "name": "Meridian", "email": LOGIN, "partner_id": reader, "company_id": COMPANY,
                                                 "company_ids": [COMPANY]}, at=at, identity=USER)
        state.next_ids("res.users", USER)
        state.next_ids("res.company", COMPANY)
        for model, fields in TRACKED.items():
            for field in fields:
                databases.field_number(database, model, field, at)
