"""Serve: the small web endpoint behind the links in messages, and what machines ask: is it well (/healthz), how is it (/metrics)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import uvicorn

from flows import clicks, lateness, metrics
from flows.alerting import endpoint, links
from flows.alerting.clicks import Action
from flows.settings import Settings
from flows.store import ledger as ledgers


def make_app(settings: Settings, actions: Mapping[str, Action]) -> Any:
    """The ASGI application. Raises BadKey."""
    key = settings.secrets.get(links.KEY_VARIABLE, "")
    links.check_key(key)
    ledger, chosen = ledgers.open_ledger(settings.ledger), settings.configuration.serve
    token = settings.secrets.get(chosen.metrics_token_env, "") if chosen.metrics_token_env else ""
    if chosen.metrics_token_env and not token:
        raise links.BadKey(f"{chosen.metrics_token_env} is not set: openssl rand -hex 32 makes one")
    machines = endpoint.Machines(unready=partial(lateness.unready, settings, ledger), metrics=partial(metrics.text, settings, ledger),
                                 metrics_type=metrics.CONTENT_TYPE, token=token)
    return endpoint.make_app(ledger, actions, key, clock=settings.clock, monotonic=time.monotonic, behind_proxy=chosen.behind_proxy, machines=machines)


def server_of(app: Any, host: str, port: int) -> uvicorn.Server:
    """Addresses are permissions, so none is logged. proxy_headers off: it believes X-Forwarded-For from every process of this machine; here `behind_proxy`
    alone decides."""
    return uvicorn.Server(uvicorn.Config(
        app, host=host, port=port, access_log=False, log_level="warning", server_header=False, proxy_headers=False, lifespan="off", ws="none",
        timeout_keep_alive=5, limit_concurrency=64, h11_max_incomplete_event_size=16_384, timeout_graceful_shutdown=5, http="h11"))


def run(settings: Settings, say: Callable[[str], None]) -> None:
    """Serve until stopped. Raises BadKey."""
    chosen = settings.configuration.serve
    server = server_of(make_app(settings, clicks.actions(settings)), chosen.host, chosen.port)
    say(f"links in messages begin with {chosen.url}; listening on {chosen.host}:{chosen.port}")
    server.run()
