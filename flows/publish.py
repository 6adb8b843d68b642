"""Publish: copy the built marts aside, check exactly what readers would get, then turn `current` to it – or stop and say why."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flows import hosts
from flows.build import models_file
from flows.freshness import last_batches, missing_of, read_back_to, stale_streams
from flows.retention import versions_days
from flows.settings import Settings
from flows.store import ledger as ledgers
from flows.store import published
from flows.store.refused import StoreError
from flows.store.warehouse import primary_keys, project_fingerprint


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What became of a candidate. `version` None: `critical` failures stopped it and the version before stays current."""

    version: str | None
    checks: tuple[Mapping[str, Any], ...]
    rows: int = 0
    pruned: tuple[str, ...] = ()

    @property
    def critical(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(check for check in self.checks if not check["passed"] and check["severity"] == "critical")

    @property
    def warnings(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(check for check in self.checks if not check["passed"] and check["severity"] != "critical")


def published_tables(settings: Settings) -> list[published.Table]:
    """The models tagged `published` as the last build told of them, with the descriptions that become comments in the file."""
    models = json.loads(models_file(settings).read_text(encoding="utf-8"))
    keys = primary_keys(settings.dbt_project)
    return [
        published.Table(
            name=model["alias"], relation=_relation(model), description=model["description"].strip(),
            columns={name: description.strip() for name, description in model["columns"].items()}, changed=_changed(model, models),
            primary_key=keys.get(model["alias"], ()), personal=tuple(model["meta"].get("personal", ())), day=model["meta"].get("day"),
        )
        for _, model in sorted(models.items()) if "published" in model["tags"]
    ]


def _relation(model: Mapping[str, Any]) -> str:
    return f'"{model["schema"]}"."{model["alias"]}"'


def _changed(model: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]) -> published.Changed | None:
    """What a `replace_changed` model says of itself (dbt_project/macros/changed.sql)."""
    if model["strategy"] != "replace_changed":
        return None
    return published.Changed(key=model["key"], of=_relation(models[model["meta"]["changed"]]), also=model["meta"].get("also", "false"))


def audit_and_publish(
    settings: Settings, ledger: ledgers.Ledger, *, version: str, as_of: date, now: datetime, checks_before: Sequence[Mapping[str, Any]] = (),
    accepted: Collection[str] = (), why: str = "",
) -> Publication:
    """Check the candidate and publish it when nothing critical failed.

    checks_before: results of the landed batches, kept in the manifest. accepted: '<table>/<check>' that may fail this once.
    """
    missing, last = missing_of(ledger, as_of), last_batches(ledger)
    sources = [
        {"source": source, "kind": kind, "stream": stream, "last_success_at": success and success.isoformat(), "is_stale": stale, "reason": reason,
         "missing": missing.get((source, stream), 0), "batch": last.get((source, stream))}
        for source, kind, stream, success, _, stale, reason in stale_streams(settings, ledger, now)
    ]
    candidate = published.prepare(
        settings.published, settings.warehouse, version=version, as_of=as_of, built_at=now, tables=published_tables(settings),
        code_revision=project_fingerprint(settings.dbt_project), sources=sources,
    )
    try:
        # Great Expectations costs four seconds to import; nothing above needs it.
        from expectations.run import check_marts

        before = published.current(settings.published)
        report = check_marts(candidate.marts, previous=before.path / "marts.duckdb" if before else None, as_of=as_of, accepted=accepted,
                             read_back_to=read_back_to(ledger, before.manifest) if before else None)
    except BaseException:
        published.discard(candidate)
        raise
    checks = (*checks_before, *report.as_rows())
    if report.critical_failures:
        published.discard(candidate)
        return Publication(version=None, checks=checks)
    version_now = published.publish(candidate, checks=checks, published_at=now, why=why, keep=hosts.keep_version(settings, ledger))
    pruned = published.prune(settings.published, keep_days=versions_days(settings), now=now)
    with suppress(StoreError):              # what is published is; what did not go from the store goes behind the next version
        hosts.prune(settings, ledger, versions_days=versions_days(settings), now=now)
    return Publication(
        version=version_now.name, checks=checks, rows=sum(table["rows"] for table in version_now.tables.values()), pruned=tuple(pruned),
    )
