"""A small ERPNext site for tests: the stand-in in this process, a clock that only tests move."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors import erpnext
from sandbox.erpnext import site as sites
from sandbox.erpnext.server import Api
from sandbox.erpnext.site import Site
from sandbox.stand_in.serving import served
from sandbox.stand_in.state import State

SECRETS = {"key": "4d1f0c2b71", "secret": "s3cr3t-0f-the-s1te"}
ZONE = "Europe/Berlin"
NOW = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)


@dataclass
class Running:
    """The stand-in, its site and what is in it; a connector to it on request."""

    site: Site
    api: Api
    url: str

    def connect(self, *, secrets: Mapping[str, str] = SECRETS, sleep: Callable[[float], None] = lambda seconds: None, **options: Any) -> erpnext.Erpnext:
        """A connector whose waiting costs no time unless `sleep` says so."""
        return erpnext.connect("erp", {"url": self.url, "time_zone": str(self.site.zone), **options}, secrets=secrets, sleep=sleep)

    def now(self) -> datetime:
        return self.site.state.now()

    def pass_time(self, **time: float) -> None:
        self.site.state.set_clock(self.now() + timedelta(**time))

    def create(self, doctype: str, count: int = 1, **values: Any) -> list[str]:
        """So many documents in one and the same microsecond."""
        at, names = self.site.now(), [f"{doctype[:3].upper()}-{number:05}" for number in self.site.state.next_ids(f"made {doctype}", count)]
        for name in names:
            sites.insert(self.site, doctype, name, values, at=at)
        return names

    def order(self, *pieces: int, customer: str = "C1", item: str = "LMP-1", **values: Any) -> str:
        rows = [{"item_code": item, "qty": number, "rate": 10.0, "amount": 10.0 * number} for number in pieces or (1,)]
        return self.create("Sales Order", customer=customer, items=rows, **values)[0]

    def save(self, doctype: str, name: str, **values: Any) -> None:
        sites.save(self.site, doctype, name, values, at=self.site.now())

    def rename(self, doctype: str, old: str, new: str) -> None:
        sites.rename(self.site, doctype, old, new, at=self.site.now())

    def delete(self, doctype: str, name: str) -> None:
        sites.delete(self.site, doctype, name, at=self.site.now())


@contextmanager
def site(home: Path, *, zone: str = ZONE, at: datetime = NOW, **limits: Any) -> Iterator[Running]:
    """A site with nothing in it. Limits are far away unless given."""
    state = State(home / "state.sqlite", ticking=False)
    state.set_clock(at)
    own = Site(state=state, zone=ZoneInfo(zone))
    api = Api(own, **SECRETS, **{"requests_per_minute": 1_000_000, **limits})
    try:
        with served(api.answer) as url:
            yield Running(own, api, url)
    finally:
        state.close()
