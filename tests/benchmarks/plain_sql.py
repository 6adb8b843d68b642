"""The limit of a build: the SQL of the same models, one after another in one DuckDB process, by hand as it were.

    python -m tests.benchmarks.plain_sql [--tickets 20000] [--lines 80000] [--turns 3] [--company meridian.toml]

Whoever writes the same marts by hand writes `create table … as select …` for each of them and runs the file. So that is what runs here: no dbt, no tests, no
bookkeeping of what is new, nothing kept for the next night. Ours is the build of a night that has everything to work out, by dbt and with its tests. Both read the
same landing, with the same memory and threads, and make the same tables: every mart is compared row for row. CPU seconds of the process tree, in turns.

Meridian's own models are the text: somebody who writes for one company alone would need fewer. --company: one that is there, such as the sandbox's; its warehouse is
made anew.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from flows import build
from flows.analysis import dbt_functions
from flows.dialects.models import Model, compiled, in_order, open_warehouse
from flows.settings import Settings, load
from flows.store import ledger as ledgers
from flows.store import published
from flows.store.checksums import differences, literal, quoted
from flows.store.versions import Version
from tests.benchmarks.measuring import cost, machine
from tests.benchmarks.nights import night, write
from tests.flows.conftest import make_company


def made(folder: Path, tickets: int, lines: int) -> Settings:
    """A company after its first night."""
    folder.mkdir()
    company = make_company(folder, api="")
    company.clock(datetime(2026, 3, 2, 2, 40, tzinfo=UTC).isoformat())
    write(company.folder, tickets, lines)
    settings = load(company.config, environment={})
    night(settings)
    return settings


def models_of(settings: Settings, ledger: ledgers.Ledger, version: Version, seeds: Path) -> list[Model]:
    """Parents first; what is in the seeds goes into a folder, as no SQL makes it."""
    manifest = compiled(settings, ledger, version)
    warehouse = open_warehouse(settings.warehouse)
    try:
        models = in_order(manifest, warehouse)
        for model in models:
            if not model.sql:
                warehouse.execute(f"copy {model.relation} to {literal(seeds / f'{model.name}.parquet')} (format parquet)")
    finally:
        warehouse.close()
    return models


def by_hand(settings: Settings, models: Sequence[Model], seeds: Path) -> None:
    """Every table, in the warehouse that `raw` alone was laid in."""
    night_options = settings.configuration.night
    with duckdb.connect(str(settings.warehouse), config={"memory_limit": night_options.memory, "threads": night_options.threads}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        dbt_functions.add_to(connection)
        for schema in sorted({model.schema for model in models}):
            connection.execute(f"create schema if not exists {quoted(schema)}")
        for model in models:
            given = f"from read_parquet({literal(seeds / f'{model.name}.parquet')})"
            connection.execute(f"create table {model.relation} as {model.sql or given}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, default=20_000)
    parser.add_argument("--lines", type=int, default=80_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--company", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="meridian-plain-") as scratch:
        settings = load(asked.company) if asked.company else made(Path(scratch) / "company", asked.tickets, asked.lines)
        ledger = ledgers.open_ledger(settings.ledger)
        version = published.current(settings.published)
        assert version is not None
        seeds, theirs, ours = Path(scratch) / "seeds", Path(scratch) / "theirs.duckdb", Path(scratch) / "ours.duckdb"
        seeds.mkdir()
        models = models_of(settings, ledger, version, seeds)
        seconds: dict[str, list[float]] = {"ours": [], "by hand": []}
        for _ in range(asked.turns):
            build.prepare(settings, ledger, as_of=version.as_of, now=version.built_at, rebuild=True)
            seconds["by hand"].append(cost(lambda: by_hand(settings, models, seeds))[0])
            marts(settings.warehouse, theirs, models)
            seconds["ours"].append(cost(lambda: build.build(
                settings, ledger, as_of=version.as_of, version=version.name, now=version.built_at, rebuild=True))[0])
            marts(settings.warehouse, ours, models)
            assert not (found := differences(ours, theirs)), found
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    print(f"{len(models)} models, {sum(one.schema == 'marts' for one in models)} marts, the same in both; medians of {asked.turns}; {machine()}")
    for name, median in medians.items():
        print(f"{name:<10}{median:>8.1f} s of CPU")
    print(f"ours / by hand: {medians['ours'] / medians['by hand']:.2f}")


def marts(warehouse: Path, file: Path, models: Sequence[Model]) -> None:
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"attach {literal(warehouse)} as warehouse (read_only)")
        for model in models:
            if model.schema == "marts":
                connection.execute(f"create table main.{quoted(model.name)} as from {model.relation}")


if __name__ == "__main__":
    main()
