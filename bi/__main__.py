"""`python -m bi up|stop|status`: Superset over the published marts. `make bi` and `make bi-stop` call this."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bi import bundle, charts, marts, provision, server
from bi.specs import LANGUAGES, SpecError, Specs, read_specs
from flows.environments import CannotMake
from flows.settings import ConfigurationError, Settings, find_config, load

DATABASE_VARIABLE = "MERIDIAN_BI_DATABASE"     # an SQLAlchemy address of marts elsewhere (PostgreSQL); may hold a password, so it comes as other secrets do


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bi", description="Apache Superset over the published marts, with dashboards from the files of bi/.")
    parser.add_argument("verb", choices=("up", "stop", "status"))
    parser.add_argument("--config", help="meridian.toml; default: as `meridian` finds it")
    parser.add_argument("--port", type=int, default=8088, help="on 127.0.0.1; another one is taken when this is not free")
    parser.add_argument("--schema", default="marts", help=f"where the marts are in the database of {DATABASE_VARIABLE}")
    parser.add_argument("--environment", type=Path, default=server.ENVIRONMENT, help="where Superset is installed")
    given = parser.parse_args(arguments)
    try:
        settings = load(find_config(given.config))
        return {"up": up, "stop": stop, "status": status}[given.verb](settings, given)
    except (ConfigurationError, SpecError, CannotMake, server.NotStarted, provision.CannotProvision) as problem:
        print(problem, file=sys.stderr)
        return 2


def up(settings: Settings, given: argparse.Namespace) -> int:
    """Install what is missing, start, and bring the dashboards to what the files say."""
    home = settings.home / "bi"
    specs = read_specs(charts.KINDS)
    published = look(settings, specs, schema=given.schema)
    if not (given.environment / "installed").exists():
        print(f"installing Superset in {given.environment} (about two minutes)")
    server.install(given.environment)
    server.prepare(home, given.environment)
    url = server.start(home, given.environment, given.port)
    counted = bring(url, home, specs, published, settings)
    for chart in bundle.left_out(specs, published):
        print(f"{chart} is left out: the current version has no table for it; the next `make bi` after a night looks again")
    print(", ".join(f"{count} {kind}s" for kind, count in counted.items()))
    languages = wanted_languages(settings)
    for dashboard in specs.dashboards:
        print("  ".join(f"{url}/superset/dashboard/{bundle.slug(dashboard.name, language)}/" for language in languages))
    print(f"sign in as {provision.ADMIN}; the password is in {home / 'secrets.json'}")
    return 0


def stop(settings: Settings, given: argparse.Namespace) -> int:
    print("Superset is stopped" if server.stop(settings.home / "bi") else "Superset did not run")
    return 0


def status(settings: Settings, given: argparse.Namespace) -> int:
    process = server.up.find_in(settings.home / "bi", server.NAME)
    print(f"http://127.0.0.1:{process.port}" if process else "Superset does not run; `make bi` starts it")
    return 0 if process else 1


def wanted_languages(settings: Settings) -> list[str]:
    """Those of company.languages, as the files of bi/ call them: a set of dashboards for each."""
    return [LANGUAGES[language] for language in settings.configuration.company.languages]


def look(settings: Settings, specs: Specs, *, schema: str) -> bundle.Published:
    """What the dashboards are drawn from. Columns and titles are read in the published file, also when the charts read PostgreSQL: the tables are the same."""
    file = settings.published / "marts.duckdb"
    if not file.exists():
        raise ConfigurationError(f"{file} is not there yet: `meridian nightly` publishes the first version")
    zone = settings.configuration.company.time_zone
    columns, kpis = marts.look(file, specs.datasets, specs.words, zone)
    elsewhere = settings.secrets.get(DATABASE_VARIABLE)
    return bundle.Published(uri=elsewhere or f"duckdb:///{file}", schema=schema if elsewhere else "main", columns=columns, kpis=kpis, zone=zone)


def bring(url: str, home: Path, specs: Specs, published: bundle.Published, settings: Settings) -> Mapping[str, int]:
    """Import; returns how many of each kind there are."""
    files = bundle.bundle(specs, published, wanted_languages(settings), at=settings.clock().isoformat())
    return provision.provision(url, provision.sign_in(url, server.password(home)), files)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
