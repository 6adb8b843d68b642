"""Serve: the small web endpoint behind the links in messages."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import uvicorn

from flows import clicks
from flows.alerting import endpoint, links
from flows.alerting.clicks import Action
from flows.settings import Settings
from flows.store import ledger as ledgers


def make_app(settings: Settings, actions: Mapping[str, Action]) -> Any:
    """The ASGI application. Raises BadKey."""
    key = settings.secrets.get(links.KEY_VARIABLE, "")
    links.check_key(key)
    return endpoint.make_app(ledgers.open_ledger(settings.ledger), actions, key, clock=settings.clock, monotonic=time.monotonic,
                             behind_proxy=settings.configuration.serve.behind_proxy)


def server_of(app: Any, host: str, port: int) -> uvicorn.Server:
    """Addresses are permissions, so none is logged. proxy_headers off: it believes X-Forwarded-For from every process of this machine; here `behind_proxy`
    alone decides."""
    return uvicorn.Server(uvicorn.Config(
        app, host=host, port=port, access_log=False, log_level="warning", server_header=False, proxy_headers=False, lifespan="off", ws="none",
        timeout_keep_alive=5, limit_concurrency=64, h11_max_incomplete_event_size=16_384, timeout_graceful_shutdown=5, http="h11"))


def run(settings: Settings) -> None:
    """Serve until stopped. Raises BadKey."""
    server_of(make_app(settings, clicks.actions(settings)), settings.configuration.serve.host, settings.configuration.serve.port).run()
