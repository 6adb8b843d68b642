"""A running Superset over a published version, and a browser that is signed in: for the tests of both databases that it may read."""

from __future__ import annotations

import fcntl
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bi import __main__ as bi
from bi import bundle, charts, server
from bi.specs import Chart, Specs, read_specs
from bi.sql import written
from flows.environments import cache_folder
from flows.settings import Settings, load
from sandbox import browser
from tests.bi import screen
from tests.browser import install_browser

CONFIGURATION = """\
[company]
name = "Lantern & Oak"
time_zone = "Europe/Berlin"
currency = "EUR"
languages = ["en", "zh-CN"]
[state]
home = "state"
"""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A running Superset with the dashboards of bi/. said: what `python -m bi up` printed."""

    settings: Settings
    specs: Specs
    url: str
    said: str

    @property
    def home(self) -> Path:
        return self.settings.home / "bi"

    @property
    def password(self) -> str:
        return server.password(self.home)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.settings.published / "marts.duckdb"), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def has_rows(self, chart: Chart, language: str) -> bool:
        """Whether the published tables have a row for this chart."""
        options = dict(chart.options)
        where = dict(options.get("where", {}))
        if chart.kind == "kpi":
            where |= {"kpi": options["kpi"], "period_grain": options.get("grain", "month"), "segment_type": "all"}
        words = {f"{{{key}}}": title[language] for key, title in self.specs.words["values"].items()}
        sql = written(self.specs.datasets[options.get("dataset", "kpi_history")].sql, self.specs.words["values"], language, "Europe/Berlin")
        listed = {column: [words.get(str(each), each) for each in (value if isinstance(value, list) else [value])] for column, value in where.items()}
        conditions = [f"{column} in ({', '.join(repr(each) for each in values)})" for column, values in listed.items()]
        return bool(self.ask(f"select count(*) from ({sql}) as rows where {' and '.join(['true', *conditions])}")[0][0])


def environment() -> Path:
    """One for all tests and runs, made by whoever comes first: a minute of CPU."""
    shared = cache_folder() / "tests"
    shared.mkdir(parents=True, exist_ok=True)
    with (shared / "lock-superset").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server.install(shared / "superset-env")
    return shared / "superset-env"


@contextmanager
def superset(folder: Path, *, secrets: str = "", arguments: Sequence[str] = ()) -> Iterator[Shown]:
    """Over what is published in `folder`/state. secrets: lines of .env."""
    config = folder / "meridian.toml"
    config.write_text(CONFIGURATION, encoding="utf-8")
    (folder / ".env").touch(mode=0o600)
    (folder / ".env").write_text(secrets, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("builtins.print", lambda *said, **_: lines.append(" ".join(map(str, said))))
        code = bi.main(["up", "--config", str(config), "--port", "0", "--environment", str(environment()), *arguments])
    try:
        assert code == 0, lines
        settings = load(config, environment={})
        process = server.up.find_in(settings.home / "bi", server.NAME)
        assert process is not None
        yield Shown(settings=settings, specs=read_specs(charts.KINDS), url=f"http://127.0.0.1:{process.port}", said="\n".join(lines))
    finally:
        assert bi.main(["stop", "--config", str(config)]) == 0


@contextmanager
def signed_in(shown: Shown) -> Iterator[Any]:
    """A page. Kept in page.answered: the hosts that answered; in page.refused: what Superset answered with an error; in page.seen: dashboards looked at."""
    install_browser()
    with browser.page(width=1500, height=1200, patience=120) as opened:
        opened.answered, opened.refused, opened.seen = set(), [], {}
        opened.on("response", lambda answer: opened.answered.add(urllib.parse.urlsplit(answer.url).netloc))
        opened.on("response", lambda answer: opened.refused.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
        screen.sign_in(opened, shown.url, shown.password)
        yield opened


def drawn_of(shown: Shown, dashboard: str) -> list[Chart]:
    """The charts of a dashboard, but for those whose table this version lacks, which `up` has named."""
    return [chart for each in shown.specs.dashboards if each.name == dashboard for chart in each.charts if f"{dashboard}.{chart.name} is left out" not in shown.said]


def look(shown: Shown, page: Any, dashboard: str, language: str = "en") -> dict[str, screen.Seen]:
    """Opened once for all tests."""
    slug = bundle.slug(dashboard, language)
    if slug not in page.seen:
        page.seen[slug] = screen.open_dashboard(page, shown.url, slug, len(drawn_of(shown, dashboard)))
    return page.seen[slug]


def titles_of(shown: Shown) -> dict[tuple[str, str], str]:
    rows = shown.ask("select kpi, title_en, title_zh from kpi_catalogue")
    return {(kpi, language): title for kpi, english, chinese in rows for language, title in (("en", english), ("zh", chinese))}
