"""Docs: dbt's documentation and the results of the checks, as pages that open without a network."""

from __future__ import annotations

from pathlib import Path

from flows.build import run_dbt, run_environment, target_folder
from flows.settings import Settings
from flows.store import ledger as ledgers
from flows.store import published


def write(settings: Settings) -> list[Path]:
    """Write `home/docs/models.html` (every model, column and its lineage) and `home/docs/checks.html` (the current version's checks).

    Needs a published version. Raises LookupError without one, BuildFailed when dbt cannot read the project.
    """
    version = published.current(settings.published)
    if version is None:
        raise LookupError("nothing is published yet: run `meridian nightly`")
    from expectations.docs import render
    from expectations.report import from_rows

    folder = settings.home / "docs"
    folder.mkdir(parents=True, exist_ok=True)
    ledger = ledgers.open_ledger(settings.ledger)
    told = run_environment(settings, ledger, as_of=version.as_of, version=version.name, now=version.built_at)
    run_dbt(settings, ["docs", "generate", "--static"], told=told)
    models = folder / "models.html"
    models.write_bytes((target_folder(settings) / "static_index.html").read_bytes())
    checks = folder / "checks.html"
    render([from_rows(version.manifest.get("checks", []))], checks)
    return [models, checks]
