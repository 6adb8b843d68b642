"""A small Shopify shop for tests: the stand-in in this process, a clock that only tests move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import shopify
from connectors.rest import system_clock
from sandbox.shopify import shop as shops
from sandbox.shopify.rules import Bucket
from sandbox.shopify.server import Api
from sandbox.shopify.shop import Shop, begin
from sandbox.stand_in.serving import served
from sandbox.stand_in.state import State

TOKEN = "shpat_0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)


@dataclass
class Running:
    """The stand-in, its shop and what is in it; a connector to it on request."""

    shop: Shop
    api: Api
    url: str

    def connect(
        self, *, token: str = TOKEN, clock: Callable[[], datetime] = system_clock, sleep: Callable[[float], None] = lambda seconds: None, **options: Any,
    ) -> shopify.Shopify:
        """A connector whose waiting costs no time."""
        return shopify.connect("store", {"url": self.url, **options}, secrets={"token": token}, clock=clock, sleep=sleep)

    def now(self) -> datetime:
        return self.shop.state.now()

    def pass_time(self, **time: float) -> None:
        self.shop.state.set_clock(self.now() + timedelta(**time))

    def create(self, of: str, count: int = 1, **values: Any) -> list[int]:
        """So many records in one and the same second."""
        at = self.shop.now()
        return [shops.create(self.shop, of, values, at=at) for _ in range(count)]

    def update(self, of: str, identity: int, **values: Any) -> None:
        shops.update(self.shop, of, identity, values, at=self.shop.now())

    def scopes(self, *without: str) -> None:
        self.shop.state.set_fact("scopes", [scope for scope in shops.SCOPES if scope not in without])


@contextmanager
def store(home: Path, *, empty: bool = False, bucket: Bucket | None = None) -> Iterator[Running]:
    """A shop with nothing in it; empty: not even its name, for a loader. bucket: default one that nobody can empty."""
    state = State(home / "state.sqlite", ticking=False)
    state.set_clock(NOW)
    shop = Shop(state=state)
    if not empty:
        begin(shop, name="Our shop", currency="EUR", time_zone="Europe/Berlin")
    api = Api(shop, TOKEN, bucket=bucket or Bucket(10**9, 100))
    try:
        with served(api.answer) as url:
            yield Running(shop, api, url)
    finally:
        state.close()
