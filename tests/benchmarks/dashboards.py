"""How long a dashboard takes to be there, over a version with many order lines: Superset and a real Chromium on this machine.

    python -m tests.benchmarks.dashboards [--lines 1000000] [--turns 3] [--company DIR]

A company of dropped order lines and a tenth as many tickets lives one night (`--company`: one that `tests.benchmarks.nights --keep` has left), and each
dashboard is opened as a person does who was there before: signed in, the browser's cache warm, Superset's caches off (bi/inside/superset_config.py).
Seconds from the click: first paint as the browser tells it (W3C Paint Timing, first-contentful-paint), the first chart drawn, all of the first screen
(1500 x 1000), all of the dashboard (scrolled at once). Each chart drawn is checked to hold something other than an error.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from bi import __main__ as bi
from bi import bundle, charts, server
from bi.specs import read_specs
from flows.settings import Settings, load
from sandbox import browser
from tests.benchmarks import nights
from tests.benchmarks.measuring import machine
from tests.bi import screen
from tests.bi.shown import environment
from tests.flows.conftest import make_company

IN_SIGHT = """() => [...document.querySelectorAll('.dashboard-component-chart-holder')].map(holder => holder.getBoundingClientRect())
    .map(box => box.top < window.innerHeight && box.height > 0)"""
PATIENCE = 300.0


@contextmanager
def shown(settings: Settings) -> Iterator[str]:
    """Superset's address, with the dashboards of bi/ over this company's version."""
    assert bi.main(["up", "--config", str(settings.path), "--port", "0", "--environment", str(environment())]) == 0
    try:
        process = server.up.find_in(settings.home / "bi", server.NAME)
        assert process is not None
        yield f"http://127.0.0.1:{process.port}"
    finally:
        bi.main(["stop", "--config", str(settings.path)])


def opened(page: Any, url: str, slug: str) -> tuple[float, float, float, float]:
    """Seconds until the first paint, the first chart, the first screen, and all of it."""
    page.goto("about:blank")
    page.set_viewport_size({"width": 1500, "height": 1000})
    began = time.monotonic()
    page.goto(f"{url}/superset/dashboard/{slug}/", wait_until="commit")
    page.wait_for_selector(".dashboard-component-chart-holder")
    first = 0.0
    while True:
        seen, in_sight = page.evaluate(screen.SEEN), page.evaluate(IN_SIGHT)
        first = first or (time.monotonic() - began) * any(each["drawn"] for each in seen)
        if seen and len(seen) == len(in_sight) and all(each["drawn"] for each, visible in zip(seen, in_sight, strict=True) if visible):
            break
        assert time.monotonic() - began < PATIENCE, [each["title"] for each in seen if not each["drawn"]]
        page.wait_for_timeout(20)
    fold = time.monotonic() - began
    page.set_viewport_size({"width": 1500, "height": int(page.evaluate("document.querySelector('.grid-container').scrollHeight")) + 250})
    while seen := page.evaluate(screen.SEEN):
        if all(each["drawn"] for each in seen):
            break
        assert time.monotonic() - began < PATIENCE, [each["title"] for each in seen if not each["drawn"]]
        page.wait_for_timeout(20)
    assert not [each for each in seen if each["failed"]], [each["text"] for each in seen if each["failed"]]
    whole = time.monotonic() - began
    return page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000, first, fold, whole


def company_of(folder: Path, lines: int) -> Settings:
    folder.mkdir()
    company = make_company(folder, api="")
    company.clock("2026-03-02T02:40:00+00:00")
    nights.write(folder, lines // 10, lines)
    settings = load(company.config, environment={})
    nights.night(settings)
    return settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--company", type=Path, help="the folder of a company that has a published version")
    asked = parser.parse_args()
    browser.install()
    with tempfile.TemporaryDirectory(prefix="meridian-dashboards-") as temporary:
        settings = load(asked.company / "meridian.toml", environment={}) if asked.company else company_of(Path(temporary) / "company", asked.lines)
        with duckdb.connect(str(settings.published / "marts.duckdb"), read_only=True) as connection:
            (lines,), (tickets,) = (connection.execute(f"select count(*) from {table}").fetchall()[0] for table in ("fct_order_lines", "fct_tickets"))
        language = bi.wanted_languages(settings)[0]
        dashboards = read_specs(charts.KINDS).dashboards
        with shown(settings) as url, browser.page(width=1500, height=1000, patience=PATIENCE) as page:
            screen.sign_in(page, url, server.password(settings.home / "bi"))
            taken: dict[str, list[tuple[float, float, float, float]]] = {dashboard.name: [] for dashboard in dashboards}
            for turn in range(asked.turns + 1):
                for dashboard in dashboards:
                    found = opened(page, url, bundle.slug(dashboard.name, language))
                    if turn:                    # the first fills the browser's cache
                        taken[dashboard.name].append(found)
    print(f"{lines:,} order lines, {tickets:,} tickets; medians of {asked.turns}; {machine()}")
    print(f"{'seconds':<20}{'first paint':>14}{'first chart':>14}{'first screen':>14}{'all of it':>14}")
    for name, found in taken.items():
        print(f"{name:<20}" + "".join(f"{statistics.median(column):>14.1f}" for column in zip(*found, strict=True)))


if __name__ == "__main__":
    main()
