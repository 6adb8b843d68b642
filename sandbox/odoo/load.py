"""Brings a Plan into the stand-in: its steps (masters.py, sales.py, supply.py), played in the order of time.

Ids are made from the plan's numbers and names, so the same company has the same ids in every load, and a lived day goes on where the last one ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from sandbox.company.hours import start_of
from sandbox.company.plan import Plan, number_of
from sandbox.odoo import database as databases
from sandbox.odoo.company import COMPANY, begin
from sandbox.odoo.database import Database
from sandbox.odoo.masters import masters
from sandbox.odoo.models import schema
from sandbox.odoo.sales import sales
from sandbox.odoo.steps import Step
from sandbox.odoo.supply import supply

EVER = datetime(1970, 1, 1, tzinfo=UTC)
EARLY = timedelta(days=30)      # what a company begins with was there that long before its history
COUNTED = ("res.partner", "product.product", "crm.lead", "sale.order", "stock.picking", "purchase.order", "account.move", "mail.tracking.value")


def load(plan: Plan, database: Database) -> dict[str, int]:
    """The whole plan into an empty state. Returns how many records of each kind there are."""
    start = _beginning(plan)
    with database.state.transaction():
        begin(database, name=plan.company, currency=plan.currency, time_zone=plan.time_zone, at=databases.moment(start))
        _play(database, [*masters(plan, start), *sales(plan), *supply(plan)], since=EVER, until=_midnight(plan))
    return {model: database.state.count(model) for model in COUNTED}


def live_day(before: Plan, after: Plan, deleted: Mapping[str, Iterable[str]], database: Database) -> dict[str, int]:
    """From the end of one plan to the end of the next; deleted: numbers of the leads and purchases that were thrown away."""
    with database.state.transaction():
        played = _play(database, [*masters(after, _beginning(after)), *sales(after), *supply(after)], since=_midnight(before), until=_midnight(after))
        gone = [(model, number_of(name)) for kind, model in (("leads", "crm.lead"), ("purchases", "purchase.order")) for name in deleted.get(kind, ())]
        for model, identity in gone:
            databases.unlink(database, model, identity)
    return {"steps": played, "deleted": len(gone)}


def _beginning(plan: Plan) -> datetime:
    return start_of(plan.starts_on, plan.time_zone) - EARLY


def _midnight(plan: Plan) -> datetime:
    """The end of its last day."""
    return start_of(plan.ends_on + timedelta(days=1), plan.time_zone)


def _play(database: Database, steps: Iterable[Step], *, since: datetime, until: datetime) -> int:
    """Creates what is not there yet, and plays what happened to it, and to anything else from `since` on. Returns how many steps that were.

    What is to happen after `until` waits for its day. What a version has no model or field for is left out."""
    played, fresh, models = 0, set[tuple[str, int]](), schema(database.version)
    for step in sorted((step for step in steps if step.model in models and step.at < until), key=lambda step: step.at):
        fields = database.fields(step.model)
        values = {name: value for name, value in step.values.items() if name in fields}
        which = (step.model, step.id)
        if which not in fresh and database.state.get(*which) is None:
            ours = {"company_id": COMPANY} if "company_id" in fields else {}
            # never with a stamp of a day that has been read already
            databases.create(database, step.model, {**ours, **values}, at=databases.moment(max(step.at, since)), identity=step.id)
            fresh.add(which)
        elif which in fresh or step.at >= since:
            databases.write(database, step.model, step.id, values, at=databases.moment(step.at))
        else:
            continue
        played += 1
    return played
