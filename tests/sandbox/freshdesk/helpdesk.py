"""A small Freshdesk for tests: the stand-in in this process, one agent and one customer, a clock that only tests move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import freshdesk
from sandbox.freshdesk import desk as desks
from sandbox.freshdesk.desk import Desk
from sandbox.freshdesk.server import Api
from sandbox.stand_in.serving import served
from sandbox.stand_in.state import Item, State

KEY = "fresh-reader-key"
NOW = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)
AGENT, CUSTOMER = 1_000_001, 2_000_001


@dataclass
class Running:
    """The stand-in, its desk and what is in it; a connector to it on request."""

    desk: Desk
    api: Api
    url: str

    def connect(self, *, key: str = KEY, sleep: Callable[[float], None] = lambda seconds: None, **options: Any) -> freshdesk.Freshdesk:
        """A connector whose waiting costs no time unless `sleep` says so."""
        settings = {"url": self.url, "credits_per_minute": 1_000_000, "lists_per_minute": 1_000_000, **options}
        return freshdesk.connect("helpdesk", settings, secrets={"api_key": key}, sleep=sleep)

    def now(self) -> datetime:
        return self.desk.state.now()

    def pass_time(self, **time: float) -> None:
        self.desk.state.set_clock(self.now() + timedelta(**time))

    def tickets(self, count: int = 1, **fields: Any) -> list[int]:
        """So many tickets in one and the same second."""
        at = self.desk.state.stamp()
        ids = self.desk.state.next_ids("ticket", count)
        for identity in ids:
            desks.create(self.desk, {"id": identity, "subject": f"Subject {identity}", "requester_id": CUSTOMER, **fields}, at=at)
        return list(ids)

    def ticket(self, identity: int) -> Item:
        item = self.desk.state.get("tickets", identity)
        assert item is not None, f"there is no ticket {identity}"
        return item

    def update(self, identity: int, **changes: Any) -> None:
        desks.update(self.desk, self.ticket(identity), changes, at=self.desk.state.stamp())

    def answer(self, identity: int, text: str = "It left yesterday.", **more: Any) -> None:
        desks.converse(self.desk, self.ticket(identity), user=AGENT, at=self.desk.state.stamp(), text=text, **more)

    def contacts(self, count: int = 1, state: str = "verified") -> list[int]:
        at = self.desk.state.stamp()
        ids = self.desk.state.next_ids("contact", count, first=CUSTOMER + 1)
        for identity in ids:
            desks.put_contact(self.desk, desks.contact(identity, f"Customer {identity}", f"{identity}@customer.example", at=at, _state=state), at=at)
        return list(ids)


@contextmanager
def helpdesk(home: Path, **limits: Any) -> Iterator[Running]:
    """Limits are far away unless given."""
    state = State(home / "state.sqlite", ticking=False)
    state.set_clock(NOW)
    desk = Desk(state=state)
    at = desks.instant("2026-01-05T08:00:00Z")
    state.put("agents", desks.agent(AGENT, "Amal", "amal@company.example", at=at, groups=[501]), at)
    state.put("groups", {"id": 501, "name": "Support", "description": "service", "created_at": desks.iso(at), "updated_at": desks.iso(at)}, at)
    state.put("contacts", desks.contact(CUSTOMER, "Eva", "eva@customer.example", at=at), at)
    api = Api(desk, KEY, **{"credits_per_minute": 10_000_000, "lists_per_minute": 10_000_000, **limits})
    try:
        with served(api.answer) as url:
            api.url = url
            yield Running(desk, api, url)
    finally:
        state.close()
