"""A review as one self-contained page (no script, nothing fetched), and the page as PDF."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from flows.reporting import charts
from flows.reporting.review import PERSPECTIVES, Change, Review
from flows.reporting.scorecard import STATUS, Language, show
from flows.reporting.words import difference, word

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PDF_SECONDS = 120


class NoPdf(Exception):
    """The page could not be printed; the text says why and what to do."""


def html(review: Review, language: Language, *, company: str, currency: str, alerts: Sequence[tuple[str, str]] = ()) -> str:
    """The page. alerts: (what, how it went) of the period."""
    def say(key: str, **values: object) -> str:
        return word(key, language, **values)

    def number(value: float | None, unit: str) -> str:
        return show(value, unit, currency, language)

    def signed(value: float, unit: str) -> str:
        return difference(value, unit, currency, language)

    groups = [(name, [line for line in review.lines if line.perspective == name]) for name in PERSPECTIVES]
    return template("report.html.j2").render(
        review=review, language=language, company=company, alerts=alerts, say=say, number=number, signed=signed, verdict=_verdict(language),
        groups=[(name, lines, sum(line.is_met is True for line in lines), sum(line.is_met is not None for line in lines)) for name, lines in groups if lines],
        trend=charts.trend, charts=[(line, charts.control_chart(points, partial(number, unit=line.unit))) for line, points in review.charts],
        bars=_bars,
    )


def template(name: str) -> Any:
    """A page of this folder. What is put into it is escaped; a value that is not given is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(name)


def summary(review: Review, language: Language) -> str:
    """The head of the page in one sentence each: for a message that links to it."""
    open_work = sum(work.count for work in review.worklists)
    said = [word("on_target", language, met=review.met, judged=review.judged), word("signals", language, count=review.worse),
            word("work", language, count=open_work)]
    return ("。" if language == "zh-CN" else "; ").join(said) + ("。" if language == "zh-CN" else ".")


def moved(change: Change, language: Language, currency: str) -> str:
    """What a KPI was, what it is, and its largest drivers, in a line."""
    line = change.line
    said = word("change_line", language, before=show(line.before, line.unit, currency, language), value=show(line.value, line.unit, currency, language),
                change=difference(change.change, line.unit, currency, language))
    drivers = [f"{title} {difference(part, line.unit, currency, language)}" for title, part in change.drivers[:3]]
    return f"{said}: {', '.join(drivers)}"


def _verdict(language: Language) -> Mapping[str, tuple[str, str]]:
    """status -> (sign, word)."""
    return {status: (sign, chinese if language == "zh-CN" else english) for status, (sign, english, chinese) in STATUS.items()}


def _bars(parts: Sequence[float]) -> list[tuple[float, float]]:
    """(left, width) in percent of a row, zero in the middle of what they span, for each number."""
    low, high = min(0.0, *parts), max(0.0, *parts)
    span = (high - low) or 1.0
    return [(100 * (min(0.0, part) - low) / span, 100 * abs(part) / span) for part in parts]


def pdf(page: Path, target: Path) -> Path:
    """Print a page with the browser of this machine. Raises NoPdf."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise NoPdf("no Chromium or Chrome is installed: install one (Debian: apt-get install chromium fonts-noto-cjk), or open the page and print it")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--print-to-pdf={target}", page.resolve().as_uri()]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PDF_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NoPdf(f"{browser} did not print {page} within {PDF_SECONDS} seconds; open the page and print it") from None
    if done.returncode or not target.is_file():
        raise NoPdf(f"{browser} could not print {page}: {done.stderr.strip()[-300:]}")
    return target

