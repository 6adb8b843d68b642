"""A small Odoo for tests: the stand-in in this process, a clock that only tests move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import odoo
from connectors.rest import system_clock
from sandbox.odoo import database as databases
from sandbox.odoo.company import NOT_INSTALLED, begin
from sandbox.odoo.database import Database
from sandbox.odoo.server import DATABASE, LOGIN, Api
from sandbox.stand_in.serving import served
from sandbox.stand_in.state import State

KEY = "6578616d706c65206a736f6e20617069206b6579"
NOW = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)


@dataclass
class Running:
    """The stand-in, its database and what is in it; a connector to it on request."""

    database: Database
    api: Api
    url: str

    def connect(self, *, key: str = KEY, clock: Callable[[], datetime] = system_clock, **options: Any) -> odoo.Odoo:
        """A connector whose waiting costs no time."""
        settings = {"url": self.url, "database": DATABASE, "login": LOGIN, **options}
        return odoo.connect("erp", settings, secrets={"key": key}, clock=clock, sleep=lambda seconds: None)

    def now(self) -> datetime:
        return self.database.state.now()

    def pass_time(self, **time: float) -> None:
        self.database.state.set_clock(self.now() + timedelta(**time))

    def create(self, model: str, count: int = 1, **values: Any) -> list[int]:
        """So many records in one and the same microsecond."""
        at = self.database.now()
        return [databases.create(self.database, model, values, at=at) for _ in range(count)]

    def write(self, model: str, identity: int, **values: Any) -> None:
        databases.write(self.database, model, identity, values, at=self.database.now())


@contextmanager
def company(home: Path, *, version: int = 19, empty: bool = False, without: tuple[str, ...] = NOT_INSTALLED) -> Iterator[Running]:
    """A database with nothing but its company and our user; empty: not even those, for a loader. without: models that are not installed."""
    state = State(home / "state.sqlite", ticking=False)
    state.set_clock(NOW)
    database = Database(state=state, version=version)
    if not empty:
        begin(database, name="Our company", currency="EUR", time_zone="Europe/Berlin", at=database.now() - 86_400_000_000, without=without)
    api = Api(database, KEY)
    try:
        with served(api.answer) as url:
            yield Running(database, api, url)
    finally:
        state.close()
