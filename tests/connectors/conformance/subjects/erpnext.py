"""ERPNext: the stand-in, a site in a zone whose clock goes back while it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import erpnext
from connectors.erpnext_streams import ASKED, LAG
from connectors.stream import Json
from sandbox.erpnext import site as sites
from sandbox.erpnext.doctypes import PARENTS
from sandbox.stand_in.state import Item
from tests.length import IS_DRILL
from tests.sandbox.erpnext.erp import SECRETS, Running, site

# All streams are asked for the same way. The bounded run has one of each shape: plain, named by rows, with rows and naming both, and the history.
SHAPES = ("customers", "items", "sales_orders", "versions")
FREE_TEXT = {"Customer": "customer_group", "Supplier": "supplier_group", "Item": "description", "Bin": "actual_qty", "Lead": "lead_name", "Issue": "subject",
             "Address": "city", "Company": "company_name", "Country": "country_name", "Warehouse": "warehouse_name", "Currency Exchange": "exchange_rate",
             "Version": "data", "Opportunity": "title", "Communication": "subject"}
BORN = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)     # an hour and a half before the site's clock goes back
LATE = timedelta(minutes=20)     # how long the transaction may last that `late` leaves open


class ErpnextSubject:
    kind = "erpnext"
    streams = tuple(ASKED) if IS_DRILL else SHAPES
    safe_after = LAG

    def __init__(self, running: Running) -> None:
        self._erp, self._site, self.url = running, running.site, running.url
        self._turn = 0
        self._open: list[tuple[datetime, Callable[[], None]]] = []

    def connect(self, *, url: str | None = None, memory: Callable[[str], Json] | None = None, now: Callable[[], datetime]) -> erpnext.Erpnext:
        options = {"url": url or self.url, "time_zone": str(self._site.zone), "page_size": 3, "without": [name for name in ASKED if name not in self.streams]}
        return erpnext.connect("erp", options, secrets=SECRETS, clock=now, sleep=lambda seconds: None)

    def now(self) -> datetime:
        return self._erp.now()

    def advance(self, delta: timedelta) -> None:
        until = self.now() + delta
        for due, commit in [one for one in self._open if one[0] <= until]:
            commit()
            self._open.remove((due, commit))
        self._site.state.set_clock(until)

    # ---- what happens at the source

    def create(self, stream: str, count: int) -> list[str]:
        doctype, at = ASKED[stream].doctype, self._site.now()
        if doctype == "Version":
            before = set(self.truth(stream))
            orders = [self._new("Sales Order", at) for _ in range(count)]
            for name in orders:
                sites.save(self._site, "Sales Order", name, {"status": "To Deliver"}, at=at)
            return sorted(set(self.truth(stream)) - before)
        return [self._new(doctype, at) for _ in range(count)]

    def _new(self, doctype: str, at: datetime, **values: Any) -> str:
        (number,) = self._site.state.next_ids("made")
        name = f"{doctype} {number} ü"
        sites.insert(self._site, doctype, name, {**self._links(doctype), **values}, at=at)
        return name

    def _links(self, doctype: str) -> dict[str, Any]:
        """What a new document names: whoever was made last, and rows that name the last item."""
        def last(of: str) -> str | None:
            found = sites.documents(self._site, of)
            return found[-1]["name"] if found else None

        links: dict[str, Any] = {"party_name": last("Customer")} if doctype == "Opportunity" else {"customer": last("Customer")}
        if doctype == "Communication":
            links = {"communication_type": "Communication", "reference_doctype": "Issue", "reference_name": last("Issue")}
        tables = {table: row for row, (parent, table) in PARENTS.items() if parent == doctype}
        for table, row in tables.items():
            links[table] = [{"lost_reason": "Price"}] if row.startswith("Opportunity") else [
                {"item_code": last("Item"), "against_sales_order": last("Sales Order"), "qty": 1}, {"item_code": "gone long ago", "qty": 2}]
        return links

    def update(self, stream: str, key: str) -> None:
        """In turn: saved, saved with a row less, one of the rows saved alone."""
        doctype, at, self._turn = ASKED[stream].doctype, self._site.now(), self._turn + 1
        if doctype == "Version":       # it never changes; its document goes on
            its = sites.get(self._site, doctype, key)
            if self._site.state.get(its["ref_doctype"], its["docname"]) is not None:
                sites.save(self._site, its["ref_doctype"], its["docname"], {"status": f"changed {self._turn}"}, at=at)
            return
        tables = [table for parent, table in PARENTS.values() if parent == doctype]
        rows = sites.get(self._site, doctype, key)[tables[0]] if tables else []
        if rows and self._turn % 3 == 1:
            sites.save_row(self._site, doctype, key, tables[0], 0, {"idx": 1, "parenttype": doctype, "owner": f"changed {self._turn}"}, at=at)
        elif rows and self._turn % 3 == 2:
            sites.save(self._site, doctype, key, {tables[0]: rows[1:]}, at=at)
        else:
            sites.save(self._site, doctype, key, {"modified_by": "x", "owner": f"changed {self._turn}"}, at=at)

    def remove(self, stream: str, key: str) -> bool:
        """In turn: deleted, renamed (its old name is gone), deleted behind the framework's back, and replaced by another of the same name."""
        doctype, at, self._turn = ASKED[stream].doctype, self._site.now(), self._turn + 1
        if doctype == "Version" or self._turn % 4 == 1:
            sites.erase(self._site, doctype, key)
        elif self._turn % 4 == 2:
            sites.rename(self._site, doctype, key, f"{key} & co.", at=at)
        else:
            sites.delete(self._site, doctype, key, at=at)
            if self._turn % 4 == 3:
                sites.insert(self._site, doctype, key, self._links(doctype), at=at)
        return True

    def late(self, stream: str) -> str:
        """In a transaction that stays open; its stamp is that of its beginning."""
        doctype, at = ASKED[stream].doctype, self._site.now()
        if doctype == "Version":
            return ""
        (number,) = self._site.state.next_ids("made")
        name, links = f"{doctype} {number} late", self._links(doctype)
        self._open.append((self.now() + LATE, lambda: sites.insert(self._site, doctype, name, links, at=at)))
        return name

    def drift(self, stream: str) -> None:
        """Columns more, and one that was text becomes a number, in all documents: a patch that gives them values saves them."""
        doctype = ASKED[stream].doctype
        for column in ("novel", "nested"):
            sites.add_column(self._site, doctype, column)
        for item in sites.documents(self._site, doctype):
            sites.save(self._site, doctype, item["name"], {"novel": "yes", "nested": {"deep": [None]}, "owner": 17}, at=self._site.now())

    def odd(self, stream: str, value: Any) -> str:
        doctype = ASKED[stream].doctype
        if doctype not in FREE_TEXT or doctype == "Version":
            return ""
        return self._new(doctype, self._site.now(), **{FREE_TEXT[doctype]: value})

    # ---- what is there

    def truth(self, stream: str) -> dict[str, Json]:
        doctype = ASKED[stream].doctype
        return {item["name"]: {**sites.whole(self._site, doctype, item), "_time_zone": str(self._site.zone)}
                for item in sites.documents(self._site, doctype, self._is_ours(stream))}

    def _is_ours(self, stream: str) -> Callable[[Item], bool]:
        only = ASKED[stream].only
        return lambda item: all(item[column] in names for column, _, names in only)


@contextmanager
def running(tmp_path: Path) -> Iterator[ErpnextSubject]:
    with site(tmp_path, at=BORN) as erp:
        yield ErpnextSubject(erp)
