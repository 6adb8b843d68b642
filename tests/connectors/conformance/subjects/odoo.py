"""Odoo 19 over JSON-2: the stand-in, a database with nothing but its company in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import odoo
from connectors.odoo_models import INVOICES, LAG, MODELS, OVERLAP, TRACKED
from connectors.stream import Json
from sandbox.odoo import database as databases
from sandbox.odoo.company import COMPANY
from sandbox.odoo.models import schema
from sandbox.odoo.server import USER
from tests.length import IS_DRILL
from tests.sandbox.odoo.erp import Running, company

LATE = timedelta(minutes=10)       # how long before its commit a transaction of `late` began: less than LAG and OVERLAP together
HISTORY, FIELDS = "mail_tracking_value", "ir_model_fields"
LEADS = (("type", ("lead", "opportunity")), ("active", (False, True)))
# What a domain limits: records that it lets through.
BELONGS = {"account.move": {"move_type": INVOICES[0]}, "account.move.line": {"display_type": "product"}}
# Streams differ in how they are read (in windows, whole, with a domain, with messages, archived), hardly in what: these have all of it. `make drill` takes all.
DIFFERENT = ("product_product", "crm_lead", "account_move_line", HISTORY)


class OdooSubject:
    kind = "odoo"
    safe_after = LATE + timedelta(seconds=1)

    def __init__(self, running: Running, streams: Sequence[str]) -> None:
        self._erp, self._database, self.url, self.streams = running, running.database, running.url, tuple(streams)
        self._turn = 0
        assert LATE < LAG + OVERLAP

    def connect(self, *, url: str | None = None, memory: Callable[[str], Json] | None = None, now: Callable[[], datetime]) -> odoo.Odoo:
        without = [name for name in MODELS if name not in self.streams]
        return self._erp.connect(url=url or self.url, page_size=3, without=without, clock=now)

    def now(self) -> datetime:
        return self._erp.now()

    def advance(self, delta: timedelta) -> None:
        self._database.state.set_clock(self.now() + delta)

    # ---- what happens at the source

    def create(self, stream: str, count: int) -> list[str]:
        at = self._database.now()
        return [self._create(stream, at) for _ in range(count)]

    def _create(self, stream: str, at: int, **values: Any) -> str:
        if stream == HISTORY:
            return self._change_of(databases.create(self._database, "crm.lead", {"type": "lead"}, at=at))
        model = MODELS[stream].name
        if model == "account.move.line":
            values |= {"move_id": databases.create(self._database, "account.move", BELONGS["account.move"], at=at)}
        if stream == FIELDS:
            values |= {"model": "crm.lead", "name": "stage_id"}
        made = databases.create(self._database, model, {**BELONGS.get(model, {}), **values}, at=at)
        if model == "res.company":
            self._may_work_in([*self._companies(), made])
        return str(made)

    def _companies(self) -> list[int]:
        return list(databases.one(self._database, "res.users", USER)["company_ids"])

    def _may_work_in(self, companies: list[int]) -> None:
        databases.write(self._database, "res.users", USER, {"company_ids": companies}, at=self._database.now())

    def _change_of(self, lead: int) -> str:
        """Another change of a lead; its own record, as Odoo makes one."""
        item = databases.one(self._database, "crm.lead", lead)
        name, values = LEADS[self._turn % 2]
        databases.write(self._database, "crm.lead", lead, {name: next(value for value in values if value != item[name])}, at=self._database.now())
        return str(self._database.state.items("mail.tracking.value")[-1]["id"])

    def update(self, stream: str, key: str) -> None:
        self._turn += 1
        if stream == HISTORY:
            message = databases.one(self._database, "mail.message", databases.one(self._database, "mail.tracking.value", int(key))["mail_message_id"])
            self._change_of(message["res_id"])
        elif stream == FIELDS:      # only names that are tracked are read
            databases.write(self._database, "ir.model.fields", int(key), {"name": ("stage_id", "state")[self._turn % 2]}, at=self._database.now())
        else:
            databases.write(self._database, MODELS[stream].name, int(key), {self._free(stream)[0]: f"changed {self._turn}"}, at=self._database.now())

    def remove(self, stream: str, key: str) -> bool:
        """In turn: archived, where the model knows that (and still there), or for good."""
        self._turn += 1
        model = MODELS[stream].name
        if (model, int(key)) in (("res.company", COMPANY), ("res.users", USER)):
            return False
        if model == "res.company":
            self._may_work_in([one for one in self._companies() if one != int(key)])
        if stream == HISTORY:
            self._database.state.delete(model, int(key))
        elif "active" in self._database.fields(model) and self._turn % 2:
            databases.write(self._database, model, int(key), {"active": False}, at=self._database.now())
        else:
            databases.unlink(self._database, model, int(key))
        return True

    def late(self, stream: str) -> str:
        """A record of a transaction that began ten minutes before its commit."""
        if stream == HISTORY or MODELS[stream].whole:
            return ""
        return self._create(stream, self._database.now() - round(LATE.total_seconds() * 1_000_000))

    def drift(self, stream: str) -> None:
        """Text becomes a number, or an object; what is not asked for by name is not read."""
        if stream in (HISTORY, FIELDS):
            return
        model = MODELS[stream].name
        databases.add_field(self._database, model, "x_novel")
        for number, item in enumerate(self._database.state.items(model, most=2)):
            changes = {"x_novel": "yes", self._free(stream)[0]: (17, {"novel": [{"deep": None}]})[number]}
            databases.write(self._database, model, item["id"], changes, at=self._database.now())

    def odd(self, stream: str, value: Any) -> str:
        if stream in (HISTORY, FIELDS):
            return ""
        return self._create(stream, self._database.now(), **{self._free(stream)[0]: value})

    def _free(self, stream: str) -> list[str]:
        """Fields that are read and that nothing depends on, the first of them a text where there is one."""
        model = MODELS[stream].name
        fields, wanted = self._database.fields(model), [name.lstrip("?") for name in MODELS[stream].fields.split()]
        kinds = {name: fields[name].type for name in wanted if name in fields and not fields[name].relation and name not in BELONGS.get(model, {})}
        kinds.pop("active", None)
        return sorted(kinds, key=lambda name: (kinds[name] != "char", name))

    # ---- what is there

    def truth(self, stream: str) -> dict[str, Json]:
        model = MODELS[stream].name
        fields = self._database.fields(model)
        names = [name for name in ("create_date", "write_date", *(name.lstrip("?") for name in MODELS[stream].fields.split())) if name in fields]
        empty = {name: field.empty for name, field in fields.items() if field.type != "boolean" and field.empty is False}
        shown = [databases.shown(self._database, model, item, names, load=None) for item in self._database.state.items(model)]
        # what is empty lands as null
        found = {str(record["id"]): {name: None if name in empty and value is False else value for name, value in record.items()} for record in shown}
        if model == "res.company":
            found = {key: record for key, record in found.items() if int(key) in self._companies()}
        if stream == FIELDS:
            found = {key: record for key, record in found.items() if record["name"] in TRACKED.get(str(record["model"]), ())}
        if stream == HISTORY:
            for record in found.values():
                message = databases.one(self._database, "mail.message", record["mail_message_id"])
                record["message"] = databases.shown(self._database, "mail.message", message, ["model", "res_id", "date"], load=None)
        return found


@contextmanager
def running(tmp_path: Path) -> Iterator[OdooSubject]:
    with company(tmp_path, without=()) as erp:
        yield OdooSubject(erp, [name for name, model in MODELS.items() if model.name in schema(19)] if IS_DRILL else DIFFERENT)
