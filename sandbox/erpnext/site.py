"""What happens to the documents of a site. The loader, a lived day and the tests all go through here, so all leave the same traces.

A document is kept whole, with the rows of its tables in it, by its name; `modified` orders it. Stamps are text of the wall clock in the site's zone, with
microseconds and without an offset, as the framework keeps them. Sources cited are the framework's own modules.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.erpnext.doctypes import DATES, LINKS, PARENTS, TABLES, TRACKED, columns
from sandbox.stand_in.state import Item, State

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TOLD = ("Comment", "Communication")      # about a document, by its name
NO_HISTORY = ("modified", "modified_by", "docstatus")


@dataclass(frozen=True, kw_only=True)
class Site:
    """date_format: of System Settings; the history shows dates the way people see them."""

    state: State
    zone: ZoneInfo
    date_format: str = "%d-%m-%Y"
    user: str = "Administrator"

    def now(self) -> datetime:
        return EPOCH + timedelta(microseconds=self.state.stamp(per_second=1_000_000))

    def wall(self, at: datetime) -> str:
        """As the framework writes it: str() of a datetime leaves a fraction of zero out."""
        return str(at.astimezone(self.zone).replace(tzinfo=None))


def ticks(stamp: str) -> int:
    """Microseconds of the wall clock: what documents are ordered by."""
    return (datetime.fromisoformat(stamp).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def custom_columns(site: Site, doctype: str) -> list[str]:
    return list(site.state.fact(f"columns {doctype}", []))


def add_column(site: Site, doctype: str, column: str) -> None:
    """ "Custom Field": every document has it at once, and no stamp moves."""
    if column not in [*columns(doctype), *custom_columns(site, doctype)]:
        site.state.set_fact(f"columns {doctype}", [*custom_columns(site, doctype), column])


def insert(site: Site, doctype: str, name: str, values: Mapping[str, Any], *, at: datetime, docstatus: int = 0) -> None:
    """A new document. Rows in it are named by its own name and their place."""
    stamp = site.wall(at)
    document: Item = {"name": name, "owner": site.user, "creation": stamp, "idx": 0}
    _keep(site, doctype, document, values, stamp, docstatus)


def save(site: Site, doctype: str, name: str, values: Mapping[str, Any], *, at: datetime, docstatus: int | None = None) -> None:
    """frappe.model.document: saving stamps the document and all its rows, and keeps a Version of what is different where the doctype tracks changes."""
    before = get(site, doctype, name)
    after = _keep(site, doctype, before, values, site.wall(at), before["docstatus"] if docstatus is None else docstatus)
    changed = [[column, _seen(site, column, before.get(column)), _seen(site, column, value)] for column, value in after.items()
               if column not in (*NO_HISTORY, *TABLES.get(doctype, ())) and before.get(column) != value]
    if before["docstatus"] != after["docstatus"]:
        changed.append(["docstatus", before["docstatus"], after["docstatus"]])
    rows = [[table, place, row["name"], different] for table in TABLES.get(doctype, ()) for place, row, different in _rows_changed(site, table, before, after)]
    if doctype in TRACKED and (changed or rows):
        data = {"added": [], "changed": changed, "data_import": None, "removed": [], "row_changed": rows}
        _note(site, "Version", {"ref_doctype": doctype, "docname": name, "data": json.dumps(data, indent=1)}, at)


def communicate(site: Site, issue: str, values: Mapping[str, Any], *, at: datetime) -> None:
    """A Communication on an Issue. frappe.core.doctype.communication, update_parent_document_on_communication: one that came in opens the issue again, whatever
    its status, by db_set, which stamps it and writes no Version; the first that went out is when it was answered."""
    _note(site, "Communication", {"communication_type": "Communication", "status": "Linked", "communication_date": site.wall(at), **values,
                                  "reference_doctype": "Issue", "reference_name": issue}, at)
    its = get(site, "Issue", issue)
    if values["sent_or_received"] == "Received":
        its |= {"status": "Open", "sla_resolution_date": None}
    elif its.get("first_responded_on") is None and values.get("communication_type", "Communication") == "Communication":
        its["first_responded_on"] = site.wall(at)
    _put(site, "Issue", {**its, "modified": site.wall(at)})


def assign(site: Site, doctype: str, name: str, user: str | None, *, at: datetime) -> None:
    """frappe.desk.doctype.todo, update_in_reference: written into `_assign`, and no stamp moves."""
    _put(site, doctype, {**get(site, doctype, name), "_assign": json.dumps([user] if user else [])})


def submit(site: Site, doctype: str, name: str, *, at: datetime, **values: Any) -> None:
    save(site, doctype, name, values, at=at, docstatus=1)


def cancel(site: Site, doctype: str, name: str, *, at: datetime, **values: Any) -> None:
    save(site, doctype, name, {"status": "Cancelled", **values}, at=at, docstatus=2)


def save_row(site: Site, doctype: str, name: str, table: str, place: int, values: Mapping[str, Any], *, at: datetime) -> None:
    """frappe.db.set_value on a row: its own stamp moves, the document's does not."""
    document = get(site, doctype, name)
    document[table][place] |= {**values, "modified": site.wall(at)}
    _put(site, doctype, document)


def delete(site: Site, doctype: str, name: str, *, at: datetime) -> None:
    """frappe.model.delete_doc: into the list of deleted documents; its history and its comments go without a trace."""
    document = get(site, doctype, name)
    site.state.delete(doctype, name)
    for kind, its_doctype, its_name in (("Version", "ref_doctype", "docname"), ("Comment", "reference_doctype", "reference_name")):
        for item in site.state.matching(kind, its_name, name):
            if item[its_doctype] == doctype:
                site.state.delete(kind, item["name"])
    for item in site.state.matching("Communication", "reference_name", name) if doctype == "Issue" else ():
        _put(site, "Communication", {**item, "reference_doctype": None, "reference_name": None})      # delete_dynamic_links: unlinked, and no stamp moves
    _note(site, "Deleted Document", {"deleted_doctype": doctype, "deleted_name": name, "restored": 0, "data": json.dumps(document)}, at)


def erase(site: Site, doctype: str, name: str) -> None:
    """Behind the framework's back, by SQL."""
    site.state.delete(doctype, name)


def rename(site: Site, doctype: str, old: str, new: str, *, at: datetime) -> None:
    """frappe.model.rename_doc: no stamp moves, neither the document's nor that of what links to it; a comment of the type Edit tells."""
    document = get(site, doctype, old)
    for table in TABLES.get(doctype, ()):
        for row in document[table]:
            row["parent"] = new
    site.state.delete(doctype, old)
    _put(site, doctype, {**document, "name": new, **({"item_code": new} if doctype == "Item" else {})})
    for linking, column in LINKS.get(doctype, ()):
        _relink(site, linking, column, old, new)
    for kind, its_doctype, its_name in (("Version", "ref_doctype", "docname"), *((kind, "reference_doctype", "reference_name") for kind in TOLD)):
        for item in site.state.matching(kind, its_name, old):
            if item[its_doctype] == doctype:
                _put(site, kind, {**item, its_name: new})
    content = f"renamed from <strong>{html.escape(old, quote=False)}</strong> to <strong>{html.escape(new, quote=False)}</strong>"
    _note(site, "Comment", {"comment_type": "Edit", "reference_doctype": doctype, "reference_name": new, "content": content}, at)


def get(site: Site, doctype: str, name: str) -> Item:
    found = site.state.get(doctype, name)
    if found is None:
        raise KeyError(f"there is no {doctype} {name}")
    return found


def shown(site: Site, doctype: str, document: Item, wanted: Sequence[str] | None = None) -> Item:
    """A document, or a row, as a list shows it: columns, and no tables. wanted None: all of them."""
    there = [*columns(doctype), *custom_columns(site, doctype)]
    return {column: document.get(column) for column in (there if wanted is None else wanted)}


def whole(site: Site, doctype: str, document: Item) -> Item:
    """The document as it is shown alone, with its rows."""
    tables = {table: [shown(site, row, one) for one in document[table]] for table, row in TABLES.get(doctype, {}).items()}
    return {**shown(site, doctype, document), **tables}


def documents(site: Site, doctype: str, where: Callable[[Item], bool] | None = None) -> list[Item]:
    return site.state.items(doctype, where=where)


# ---- small parts

def _keep(site: Site, doctype: str, document: Item, values: Mapping[str, Any], stamp: str, docstatus: int) -> Item:
    after: Item = {**document, **values, "modified": stamp, "modified_by": site.user, "docstatus": docstatus}
    for table in TABLES.get(doctype, ()):
        former = {row["name"]: row for row in document.get(table, ())}
        after[table] = [_row(doctype, table, after, place, row, former) for place, row in enumerate(after.get(table, ()), start=1)]
    _put(site, doctype, after)
    return after


def _row(doctype: str, table: str, document: Item, place: int, row: Mapping[str, Any], former: Mapping[str, Item]) -> Item:
    name = row.get("name") or digest(document["name"], table, place)
    return {"owner": document["owner"], "creation": document["modified"], **former.get(name, {}), **row, "name": name, "idx": place,
            **{field: document[field] for field in ("modified", "modified_by", "docstatus")},
            "parent": document["name"], "parentfield": table, "parenttype": doctype}


def _rows_changed(site: Site, table: str, before: Item, after: Item) -> Iterable[tuple[int, Item, list[Any]]]:
    old = {row["name"]: row for row in before[table]}
    for place, row in enumerate(after[table]):
        different = [[column, _seen(site, column, old[row["name"]].get(column)), _seen(site, column, value)] for column, value in row.items()
                     if row["name"] in old and column not in NO_HISTORY and old[row["name"]].get(column) != value]
        if different:
            yield place, row, different


def _seen(site: Site, column: str, value: Any) -> Any:
    """get_formatted(): dates in the format of System Settings."""
    return date.fromisoformat(value).strftime(site.date_format) if value and column in DATES else value


def _note(site: Site, doctype: str, values: Mapping[str, Any], at: datetime) -> None:
    """A document that the framework writes by itself, with a random name."""
    (number,) = site.state.next_ids("hash")
    insert(site, doctype, digest(doctype, number), values, at=at)


def digest(*parts: Any) -> str:
    """Looks like a random name, and is the same in every load."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:12]


def _relink(site: Site, doctype: str, column: str, old: str, new: str) -> None:
    if doctype not in PARENTS:
        for document in site.state.matching(doctype, column, old):
            _put(site, doctype, {**document, column: new})
        return
    parent, table = PARENTS[doctype]
    for document in documents(site, parent, lambda item: any(row.get(column) == old for row in item[table])):
        document[table] = [{**row, column: new} if row.get(column) == old else row for row in document[table]]
        _put(site, parent, document)


def _put(site: Site, doctype: str, document: Item) -> None:
    site.state.put(doctype, document, ticks(document["modified"]), identity=document["name"])
