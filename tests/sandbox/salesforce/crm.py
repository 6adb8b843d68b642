"""A small Salesforce organisation for tests: the stand-in in this process, a clock that only tests move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connectors import salesforce
from sandbox.salesforce import org as orgs
from sandbox.salesforce.org import Org
from sandbox.salesforce.rules import App
from sandbox.salesforce.server import Api
from sandbox.stand_in.serving import served
from sandbox.stand_in.state import State

APP = App(client_id="3MVG9.reader", client_secret="consumer-secret", refresh_token="5Aep.refresh", username="meridian@company.example")
SECRETS = {"client_secret": APP.client_secret, "refresh_token": APP.refresh_token}
NOW = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)


@dataclass
class Running:
    """The stand-in, its organisation and what is in it; a connector to it on request."""

    org: Org
    api: Api
    url: str

    def connect(self, *, secrets: dict[str, str] | None = None, sleep: Callable[[float], None] = lambda seconds: None, **options: Any) -> salesforce.Salesforce:
        """A connector whose waiting costs no time unless `sleep` says so."""
        carried = {name: options.pop(name) for name in ("memory", "clock", "home") if name in options}
        return salesforce.connect("crm", {"url": self.url, "client_id": APP.client_id, **options}, secrets=SECRETS if secrets is None else secrets, sleep=sleep,
                                  **{"clock": self.now, **carried})

    def now(self) -> datetime:
        return self.org.state.now()

    def pass_time(self, **time: float) -> None:
        self.org.state.set_clock(self.now() + timedelta(**time))

    def create(self, of: str, count: int = 1, **values: Any) -> list[str]:
        """So many records in one and the same second."""
        at = self.org.now()
        return [orgs.create(self.org, of, values, at=at) for _ in range(count)]

    def update(self, of: str, identity: str, **values: Any) -> None:
        orgs.update(self.org, of, identity, values, at=self.org.now())

    def delete(self, of: str, identity: str) -> None:
        orgs.delete(self.org, of, identity, at=self.org.now())


@cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem() -> str:
    return private_key().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


@contextmanager
def account(home: Path, *, with_key: bool = False, **limits: int) -> Iterator[Running]:
    """An organisation with nothing in it. with_key: its app has a certificate. Limits are far away unless given."""
    state = State(home / "state.sqlite", ticking=False)
    state.set_clock(NOW)
    numbers = private_key().public_key().public_numbers() if with_key else None
    urls: list[str] = []
    api = Api(Org(state=state), replace(APP, key=(numbers.n, numbers.e)) if numbers else APP, url=lambda: urls[0],
              **{"requests_per_day": 10_000_000, **limits})
    try:
        with served(api.answer) as url:
            urls.append(url)
            yield Running(api.org, api, url)
    finally:
        state.close()
