"""A small HubSpot account for tests: the stand-in in this process, a clock that only tests move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import hubspot
from sandbox.hubspot import portal as portals
from sandbox.hubspot.load import STAGES
from sandbox.hubspot.portal import Portal
from sandbox.hubspot.server import Api
from sandbox.stand_in.serving import served
from sandbox.stand_in.state import State

TOKEN = "pat-eu1-reader"
NOW = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)


@dataclass
class Running:
    """The stand-in, its portal and what is in it; a connector to it on request."""

    portal: Portal
    api: Api
    url: str

    def connect(self, *, token: str = TOKEN, sleep: Callable[[float], None] = lambda seconds: None, **options: Any) -> hubspot.Hubspot:
        """A connector whose waiting costs no time unless `sleep` says so."""
        settings = {"url": self.url, "requests_per_ten_seconds": 1_000_000, **options}
        return hubspot.connect("crm", settings, secrets={"token": token}, sleep=sleep)

    def now(self) -> datetime:
        return self.portal.state.now()

    def pass_time(self, **time: float) -> None:
        self.portal.state.set_clock(self.now() + timedelta(**time))

    def create(self, of: str, count: int = 1, **properties: Any) -> list[int]:
        """So many records in one and the same millisecond."""
        at = self.portal.now()
        return [portals.create(self.portal, of, properties, at=at) for _ in range(count)]

    def deal(self, stage: str = "appointmentscheduled", **properties: Any) -> int:
        return self.create("deals", dealstage=stage, pipeline="default", **properties)[0]

    def update(self, of: str, identity: int, **properties: Any) -> None:
        portals.update(self.portal, of, identity, properties, at=self.portal.now())

    def archive(self, of: str, identity: int) -> None:
        portals.archive(self.portal, of, identity, at=self.portal.now())




@contextmanager
def account(home: Path, **limits: int) -> Iterator[Running]:
    """An account with nothing but its pipelines. Limits are far away unless given."""
    state = State(home / "state.sqlite", ticking=False)
    state.set_clock(NOW)
    portal = Portal(state=state)
    portals.put_pipeline(portal, "deals", "default", "Sales pipeline", STAGES, at=portal.now())
    api = Api(portal, TOKEN, **{"requests_per_ten_seconds": 1_000_000, "searches_per_second": 1_000_000, "requests_per_day": 10_000_000, **limits})
    try:
        with served(api.answer) as url:
            yield Running(portal, api, url)
    finally:
        state.close()
