"""The kinds of source there are, each imported only when a configuration names it.

A kind's module has `connect(name, options, *, secrets, ...)` and says which options it takes by a dataclass `<Kind>Options`
or by `OPTION_NAMES`. Options that every kind takes are handled here: `<secret>_env` names the environment variable of a secret,
`requests_per_minute` and `requests_per_day` are what the source allows us in all, nightly run and backfill together.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from connectors.rest import Quota
from connectors.stream import Connector, Json, Misconfigured, Stream

KINDS: Mapping[str, str] = {
    "erpnext": "connectors.erpnext",
    "files": "connectors.files",
    "freshdesk": "connectors.freshdesk",
    "hubspot": "connectors.hubspot",
    "odoo": "connectors.odoo",
    "request_tracker": "connectors.request_tracker",
    "salesforce": "connectors.salesforce",
    "shopify": "connectors.shopify",
    "sql": "connectors.sql",
    "tryton": "connectors.tryton",
    "zendesk": "connectors.zendesk",
}
SECRETS: Mapping[str, tuple[str, ...]] = {
    "erpnext": ("key", "secret"), "files": (), "freshdesk": ("api_key",), "hubspot": ("token",), "odoo": ("key",), "request_tracker": ("token",),
    "salesforce": ("client_secret", "refresh_token", "private_key"), "shopify": ("token",), "sql": ("url",), "tryton": ("key",),
    "zendesk": ("token",),
}
COMMON = ("requests_per_minute", "requests_per_day")


def options_class(kind: str) -> Any:
    """The dataclass that declares a kind's options; None where it names them in OPTION_NAMES."""
    module = import_module(KINDS[kind])
    if hasattr(module, "OPTION_NAMES"):
        return None
    return next(value for name, value in vars(module).items() if name.endswith("Options") and dataclasses.is_dataclass(value))


def streams(kind: str) -> list[Stream]:
    """The streams that every source of this kind has; [] where they are declared source by source."""
    return list(getattr(import_module(KINDS[kind]), "STREAMS", ()))


def option_names(kind: str) -> tuple[str, ...]:
    """What may stand beside `kind` in a [sources.<name>] of this kind."""
    declared = options_class(kind)
    own = tuple(field.name for field in dataclasses.fields(declared)) if declared else import_module(KINDS[kind]).OPTION_NAMES
    over_http = COMMON if SECRETS[kind] else ()
    return tuple(sorted({*own, *over_http, *(f"{secret}_env" for secret in SECRETS[kind])}))


def connect(
    name: str, kind: str, options: Mapping[str, Any], *, secrets: Mapping[str, str], home: Path, base: Path, clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep, memory: Callable[[str], Json] | None = None,
    seal: Callable[[Stream, str], str] = lambda stream, key: key, budget: int | None = None,
) -> Connector:
    """The connector of a configured source.

    options: as in the configuration, without `kind`. secrets: by their option's name without `_env`. home: where caches and the shared quota
    rest. base: folder that relative paths start from. memory: what a stream's last finished read left.
    seal: a landed key without what is personal in it, for a connector that keeps keys. budget: requests that this connector may make in all, beside
    what the source allows. Raises Misconfigured.
    """
    own = {option: value for option, value in options.items() if not option.endswith("_env") and option not in COMMON}
    quota = _quota(name, options, home, budget)
    if isinstance(own.get("folder"), str):
        own["folder"] = str(base / own["folder"])
    connector: Connector = import_module(KINDS[kind]).connect(
        name, own, secrets=secrets, home=home, clock=clock, sleep=sleep, quota=quota, memory=memory, seal=seal)
    return connector


def _quota(name: str, options: Mapping[str, Any], home: Path, budget: int | None) -> Quota | None:
    """What the source allows in all, shared by every process that has the same home, and what this run may take of it."""
    for option in COMMON:
        allowed = options.get(option, 1)
        if isinstance(allowed, bool) or not isinstance(allowed, int) or allowed < 1:
            raise Misconfigured(f"{option} is {allowed!r}", source=name, mend="a whole number from 1")
    is_limited = any(option in options for option in COMMON)
    if budget is None and not is_limited:
        return None
    from connectors import quota

    ours = [quota.run_budget(name, budget)] if budget is not None else []
    source = quota.source_quota(home / "quota", name, per_minute=options.get("requests_per_minute"), per_day=options.get("requests_per_day"))
    return quota.together(*ours, *([source] if is_limited else []))
