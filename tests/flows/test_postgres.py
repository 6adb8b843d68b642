"""`[publish.postgres]` in the life of a deployment: nights with and without PostgreSQL, going back, the doctor, wrong settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flows import doctor, postgres
from flows.settings import ConfigurationError, load, parse
from sandbox.databases import Database
from tests.flows.conftest import Company
from tests.flows.store.marts_in_postgres import database, put_out

__all__ = ["database"]

SECTION = '\n[publish.postgres]\nurl_env = "MARTS_URL"\npatience_seconds = 0\n'


def versions_in(database: Database) -> str:
    return database.run("select version from marts.meridian_version")


def test_a_night_without_postgresql_publishes_files_and_says_what_is_missing_and_the_next_makes_it_good(lived_company: Company, database: Database) -> None:
    company = lived_company
    with company.config.open("a") as file:
        file.write(SECTION)
    with (company.folder / ".env").open("a") as file:
        file.write(f"MARTS_URL={replace(database, port=1).url}\n")
    night = company.run("nightly")
    assert night.returncode == 0, night.stdout + night.stderr
    report = company.nights()[0]
    assert report["state"] == "unchanged", "what PostgreSQL lacks costs the night nothing"
    assert "PostgreSQL does not have 2026-03-01.001 yet" in report["report"]["message"]
    assert "PostgreSQL does not have 2026-03-01.001 yet" in night.stdout
    assert [row["subject"] for row in report["report"]["failed_checks"] if row["border"] == "publish"] == ["PostgreSQL"]
    assert database.password not in str(report)
    (company.folder / ".env").write_text((company.folder / ".env").read_text().replace(":1/", f":{database.port}/"))
    night = company.run("nightly")
    assert night.returncode == 0, night.stdout + night.stderr
    assert versions_in(database) == "2026-03-01.001"
    assert database.run("select count(*) from marts.kpis where value is not null and data_version <> '2026-03-01.001'") == "0"
    tables = int(database.run("select count(*) from pg_tables where schemaname = 'marts'"))
    keys = int(database.run("select count(*) from pg_constraint where contype = 'p' and connamespace = 'marts'::regnamespace"))
    assert keys == tables - 1, "every table but meridian_version has the key that dbt tests"
    undescribed = database.run("select count(*) from pg_attribute where attrelid in (select oid from pg_class where relkind = 'r' and relnamespace = 'marts'::regnamespace "
                               "and relname <> 'meridian_version') and attnum > 0 and not attisdropped and col_description(attrelid, attnum) is null")
    assert undescribed == "0"


@pytest.fixture
def deployment(tmp_path: Path, database: Database) -> Path:
    """Two versions as files, and a PostgreSQL that has neither."""
    (tmp_path / "meridian.toml").write_text('[company]\nname = "Small"\n[state]\nhome = "state"\n' + SECTION)
    (tmp_path / ".env").write_text(f"MARTS_URL={database.url}\n")
    (tmp_path / ".env").chmod(0o600)
    (tmp_path / "state").mkdir()
    for stamp in (1, 2):
        put_out(tmp_path / "state" / "published", stamp)
    return tmp_path / "meridian.toml"


def test_going_back_takes_postgresql_along_and_the_doctor_says_what_it_has(deployment: Path, database: Database) -> None:
    from typer.testing import CliRunner

    from flows.cli import app

    def finding() -> tuple[bool, str]:
        [found] = [one for one in doctor._postgres(load(deployment, environment={}))]
        return found.is_well, found.detail

    assert finding() == (False, "has no version yet, files have 2026-10-31.002")
    done = CliRunner().invoke(app, ["publish", "postgres", "--config", str(deployment)])
    assert (done.exit_code, done.stdout.strip()) == (0, "PostgreSQL has 2026-10-31.002 now, nothing before; to be read by name: 2026-10-31.002")
    assert finding() == (True, "has 2026-10-31.002")
    done = CliRunner().invoke(app, ["publish", "rollback", "--why", "doubt", "--config", str(deployment)])
    assert done.exit_code == 0, done.output
    assert versions_in(database) == "2026-10-31.001"
    (deployment.parent / ".env").write_text(f"MARTS_URL={replace(database, port=1).url}\n")
    done = CliRunner().invoke(app, ["publish", "rollback", "--to", "2026-10-31.002", "--config", str(deployment)])
    assert done.exit_code == 1
    assert "2026-10-31.002 (as of 2026-10-31) is current again" in done.output
    assert "PostgreSQL does not have 2026-10-31.002 yet" in done.output
    assert finding()[0] is False
    assert database.password not in done.output


def test_a_filter_by_a_column_that_no_table_has_is_named_with_the_nearest_one(deployment: Path, database: Database) -> None:
    with deployment.open("a") as file:
        file.write('[publish.postgres.rows.unit_a]\nbusines_unit = ["A"]\n')
    with pytest.raises(postgres.PostgresError, match=r"rows\.unit_a: no table has a column 'busines_unit'; did you mean 'business_unit'\?"):
        postgres.follow_current(load(deployment, environment={}))
    assert database.run("select to_regclass('marts.kpis')") == "", "nothing is published that would be seen by the wrong people"


def test_an_address_that_is_not_set_is_asked_for_by_its_name(deployment: Path) -> None:
    (deployment.parent / ".env").write_text("")
    with pytest.raises(postgres.PostgresError, match="MARTS_URL is not set"):
        postgres.standing(load(deployment, environment={}))


@pytest.mark.parametrize(("wrong", "said"), [
    ("urlenv = 'X'", r"m\.toml:4: publish\.postgres\.urlenv is not a setting; did you mean 'url_env'\?"),
    ("scheme = 'X'", r"did you mean 'schema'\?"),
    ("rows.a.all = true", "names no column to filter by"),
    ("keep_versions = 0", "greater than or equal to 1"),
])
def test_wrong_settings_are_named_with_their_line(wrong: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        parse(f'[company]\nname = "A"\n[publish.postgres]\n{wrong}\n', Path("m.toml"))
