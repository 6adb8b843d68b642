"""What happens to the records of an Odoo database. The loader, a lived day and the tests all go through here, so all leave the same traces.

A record is kept with every field of its model; `write_date` to the microsecond, as PostgreSQL has it, and shown cut to the second ("ORM API", Datetime).
Moments are microseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.odoo.models import Field, schema
from sandbox.stand_in.state import Item, State

# Fields declared with tracking=True, whose changes leave a mail.tracking.value and a message of the record.
TRACKED: Mapping[str, tuple[str, ...]] = {
    "crm.lead": ("stage_id", "active", "type"), "sale.order": ("state",), "purchase.order": ("state",), "stock.picking": ("state", "scheduled_date"),
    "account.move": ("state",), "helpdesk.ticket": ("stage_id", "team_id", "user_id"),
}
# A selection is tracked by its label, in the language of whoever changed it (mail.tracking.value, _create_tracking_values).
LABELS: Mapping[str, Mapping[str, str]] = {
    "sale.order": {"draft": "Quotation", "sent": "Quotation Sent", "sale": "Sales Order", "done": "Locked", "cancel": "Cancelled"},
    "purchase.order": {"draft": "RFQ", "sent": "RFQ Sent", "to approve": "To Approve", "purchase": "Purchase Order", "done": "Locked", "cancel": "Cancelled"},
    "stock.picking": {"draft": "Draft", "waiting": "Waiting Another Operation", "confirmed": "Waiting", "assigned": "Ready", "done": "Done",
                      "cancel": "Cancelled"},
    "account.move": {"draft": "Draft", "posted": "Posted", "cancel": "Cancelled"},
    "crm.lead": {"lead": "Lead", "opportunity": "Opportunity"},
}

# What goes with a document: by ondelete="cascade" of the lines' link, a picking's moves by its own `unlink`.
LINES: Mapping[str, Sequence[tuple[str, str]]] = {
    "account.move": [("account.move.line", "move_id")], "sale.order": [("sale.order.line", "order_id")],
    "purchase.order": [("purchase.order.line", "order_id")], "stock.picking": [("stock.move", "picking_id")],
}


@dataclass(frozen=True, kw_only=True)
class Database:
    """version: Odoo's."""

    state: State
    version: int = 19

    def now(self) -> int:
        return self.state.stamp(per_second=1_000_000)

    def has(self, model: str) -> bool:
        """Whether this version has the model, and its module is installed."""
        return model in schema(self.version) and model not in self.state.fact("not installed", [])

    def fields(self, model: str) -> Mapping[str, Field]:
        """The model's fields, with those that were added to it since."""
        added = {name: Field(type=kind) for name, kind in self.state.fact(f"fields {model}", {}).items()}
        return {**schema(self.version)[model], **added}


def moment(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def shown_at(at: int) -> str:
    """As Odoo shows a datetime: UTC, cut to the second."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def create(database: Database, model: str, values: Mapping[str, Any], *, at: int, identity: int | None = None) -> int:
    if identity is None:
        (identity,) = database.state.next_ids(model, first=1)
    fields = database.fields(model)
    _known(model, values, fields)
    item = {name: field.empty for name, field in fields.items()}
    if "active" in fields:
        item["active"] = True
    database.state.put(model, {**item, **values, "id": identity, "create_date": at, "write_date": at}, at)
    return identity


def write(database: Database, model: str, identity: int, values: Mapping[str, Any], *, at: int) -> None:
    item = one(database, model, identity)
    _known(model, values, database.fields(model))
    changed = {name: value for name, value in values.items() if name in TRACKED.get(model, ()) and value != item[name]}
    database.state.put(model, {**item, **values, "write_date": at}, at)
    if changed:
        _track(database, model, item, changed, at)


def unlink(database: Database, model: str, identity: int) -> None:
    """Without a trace; its messages and their tracking values go with it, and the lines of a document."""
    database.state.delete(model, identity)
    for lines, link in LINES.get(model, ()):
        for line in database.state.matching(lines, link, identity):
            unlink(database, lines, line["id"])
    for message in database.state.matching("mail.message", "res_id", identity):
        if message["model"] == model:
            for value in database.state.matching("mail.tracking.value", "mail_message_id", message["id"]):
                database.state.delete("mail.tracking.value", value["id"])
            database.state.delete("mail.message", message["id"])


def one(database: Database, model: str, identity: int) -> Item:
    item = database.state.get(model, identity)
    if item is None:
        raise KeyError(f"there is no {model} {identity}")
    return item


def add_field(database: Database, model: str, name: str, kind: str = "char") -> None:
    database.state.set_fact(f"fields {model}", {**database.state.fact(f"fields {model}", {}), name: kind})


def shown(database: Database, model: str, item: Item, names: Sequence[str], *, load: str | None = "_classic_read") -> Item:
    """A record as `read` answers it. load: with the usual one a link is [id, name], with none the id alone."""
    fields, record = database.fields(model), {"id": item["id"]}
    for name in names:
        field, value = fields[name], item.get(name, fields[name].empty)
        if name in ("create_date", "write_date"):
            value = shown_at(value)
        elif field.type == "many2one" and value is not False and load == "_classic_read":
            value = [value, str((database.state.get(field.relation, value) or {}).get("name", f"{field.relation},{value}"))]
        record[name] = value
    return record


# ---- small parts

def _known(model: str, values: Mapping[str, Any], fields: Mapping[str, Field]) -> None:
    if strangers := sorted(values.keys() - fields.keys()):
        raise KeyError(f"{model} has no {', '.join(strangers)}")


def _track(database: Database, model: str, item: Item, changed: Mapping[str, Any], at: int) -> None:
    """One message for all that one write changed, one value for each field ("Tracking field changes")."""
    about = {"model": model, "res_id": item["id"], "date": shown_at(at), "message_type": "notification"}
    message = create(database, "mail.message", about, at=at)
    for name, value in changed.items():
        field = {"field_id" if database.version >= 17 else "field": field_number(database, model, name, at)}
        both = {**_tracked(database, model, name, "old", item[name]), **_tracked(database, model, name, "new", value)}
        create(database, "mail.tracking.value", {**field, "mail_message_id": message, **both}, at=at)


def _tracked(database: Database, model: str, name: str, which: str, value: Any) -> Item:
    match database.fields(model)[name].type:
        case "many2one":
            found = database.state.get(database.fields(model)[name].relation, value) if value else None
            return {f"{which}_value_integer": value or 0, f"{which}_value_char": found["name"] if found else ""}
        case "boolean":
            return {f"{which}_value_integer": int(value)}
        case "datetime":
            return {f"{which}_value_datetime": value}
        case _:
            return {f"{which}_value_char": LABELS[model].get(value, value) if value else ""}


def field_number(database: Database, model: str, name: str, at: int) -> int:
    """The id of a field's own record."""
    known = database.state.fact("field numbers", {})
    if f"{model}.{name}" not in known:
        known[f"{model}.{name}"] = create(database, "ir.model.fields", {"model": model, "name": name}, at=at)
        database.state.set_fact("field numbers", known)
    return int(known[f"{model}.{name}"])
