"""The page of check results stands alone."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from expectations.docs import render
from expectations.report import CheckReport, CheckResult


def result(**changes: object) -> CheckResult:
    return CheckResult(
        **{
            "border": "marts",
            "subject": "kpis",
            "check": "periods_are_complete",
            "severity": "critical",
            "passed": False,
            "observed": "3 missing",  # type: ignore[arg-type]
            "expected": "none",
            "detail": "e.g. csat",
            "why": "a missing row looks like a missing day",
            **changes,
        }
    )


def test_the_page_needs_nothing_from_anywhere(tmp_path: Path) -> None:
    page = render([CheckReport(results=(result(),))], tmp_path / "docs" / "checks.html", subtitle="2026-10-31.001").read_text()
    assert not re.search(r"https?://|src=|<script|<link|@import|url\(", page)
    HTMLParser().feed(page)


def test_failures_come_first_and_each_says_why(tmp_path: Path) -> None:
    page = render(
        [CheckReport(results=(result(passed=True, check="fine"), result(severity="warning", check="hm"), result()))], tmp_path / "checks.html"
    ).read_text()
    assert "3 checks: 1 passed, 1 warnings, 1 critical" in page
    assert page.index("kpis: periods_are_complete") < page.index("kpis: hm") < page.index(">fine")
    assert "a missing row looks like a missing day" in page


def test_what_a_source_says_is_shown_and_not_run(tmp_path: Path) -> None:
    page = render([CheckReport(results=(result(detail="<script>alert(1)</script> № 客户"),))], tmp_path / "checks.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "客户" in page


def test_no_checks_are_not_shown_as_passed_checks(tmp_path: Path) -> None:
    assert "Nothing was checked" in render([], tmp_path / "checks.html").read_text()
