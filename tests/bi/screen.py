"""Superset as a person sees it: signs in, opens dashboards, reads what each chart shows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

SEEN = """() => [...document.querySelectorAll('.dashboard-component-chart-holder')].map(holder => {
    const inside = holder.querySelector('.slice_container, [data-test=slice-container]');
    return {
        title: (holder.querySelector('[data-test=editable-title]') || holder).innerText.trim(),
        text: holder.innerText,
        drawn: !!inside && (!!inside.querySelector('canvas, svg, table') || inside.innerText.trim() !== '') && !holder.querySelector('[data-test=loading-indicator], .loading'),
        failed: !!holder.querySelector('.ant-alert-error, .ant-alert-warning, .missing-chart-container') || /Unexpected error|Data error|Network error|See more/.test(holder.innerText),
        empty: /No results were returned|没有返回|未返回任何结果|No data/.test(holder.innerText),
        cells: [...holder.querySelectorAll('table tbody tr')].map(row => [...row.querySelectorAll('td')].map(cell => cell.innerText.trim())),
        figure: (holder.querySelector('.header-line') || {innerText: ''}).innerText.trim(),
    };
})"""


@dataclass(frozen=True, kw_only=True)
class Seen:
    title: str
    text: str
    drawn: bool
    failed: bool
    empty: bool
    cells: list[list[str]]
    figure: str


def sign_in(page: Any, url: str, password: str) -> None:
    page.goto(f"{url}/login/")
    page.fill("#username", "admin")
    page.fill("#password", password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: "/login" not in address)


def open_dashboard(page: Any, url: str, slug: str, charts: int, *, patience: float = 120.0) -> dict[str, Seen]:
    """Title → what the chart shows, once all `charts` are drawn. Charts come when they are in sight, so the window is as high as the dashboard."""
    page.set_viewport_size({"width": 1500, "height": 1000})
    page.goto(f"{url}/superset/dashboard/{slug}/", wait_until="commit")
    page.wait_for_selector(".dashboard-component-chart-holder")
    page.set_viewport_size({"width": 1500, "height": int(page.evaluate("document.querySelector('.grid-container').scrollHeight")) + 250})
    deadline = time.monotonic() + patience
    while True:
        seen = [Seen(**each) for each in page.evaluate(SEEN)]
        if len(seen) == charts and all(each.drawn for each in seen):
            return {each.title: each for each in seen}
        if time.monotonic() > deadline:
            raise AssertionError(f"{slug}: not drawn after {patience:.0f} s: {[each.title for each in seen if not each.drawn]} ({len(seen)} of {charts} charts)")
        page.wait_for_timeout(250)
