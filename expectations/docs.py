"""The results of the checks as one HTML page that opens anywhere: no network, no files beside it.

Great Expectations' own Data Docs load their styles and scripts from the internet and stand unstyled without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path

from expectations.report import CheckReport, CheckResult, together

BORDERS = {"batch": "What landed", "marts": "What was about to be published"}

STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #c62828; --warn: #b26a00; --good: #2e7d32; }
body { font: 15px/1.5 system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.15rem; margin-top: 2rem } p.sum { margin-top: .3rem; opacity: .8 }
table { border-collapse: collapse; width: 100%; table-layout: fixed }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); overflow-wrap: anywhere }
th { font-weight: 600; opacity: .7 } td small { opacity: .7; display: block } col.mark { width: 6.5rem }
.critical { color: var(--bad); font-weight: 600 } .warning { color: var(--warn); font-weight: 600 } .passed { color: var(--good) }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0; padding: .2rem .8rem } summary { cursor: pointer; padding: .3rem 0 }
"""


def render(reports: Sequence[CheckReport], path: Path, *, title: str = "Checks", subtitle: str = "") -> Path:
    """Write the page: failures first, then every check by border and subject. subtitle: e.g. the version and its day."""
    results = together(reports).results
    critical, warnings = together(reports).critical_failures, together(reports).warnings
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f"<h1>{escape(title)}</h1><p class=sum>{escape(subtitle)}{' · ' if subtitle else ''}{len(results)} checks: "
        f"{len(results) - len(critical) - len(warnings)} passed, {len(warnings)} warnings, {len(critical)} critical</p>",
    ]
    if critical or warnings:
        parts += ["<h2>What failed</h2>", _table([*critical, *warnings], with_subject=True)]
    elif results:
        parts.append("<p class=passed>Everything passed.</p>")
    else:
        parts.append("<p>Nothing was checked.</p>")
    for border, heading in BORDERS.items():
        of_border = sorted((result for result in results if result.border == border), key=lambda result: result.subject)
        if of_border:
            parts.append(f"<h2>{heading}</h2>")
        for subject, group in groupby(of_border, key=lambda result: result.subject):
            rows = list(group)
            failed = sum(not row.passed for row in rows)
            mark = f"<span class={_mark(rows)}>{failed} failed</span>" if failed else "<span class=passed>all passed</span>"
            opened = " open" if failed else ""
            parts.append(f"<details{opened}><summary><b>{escape(subject)}</b> · {len(rows)} checks, {mark}</summary>{_table(rows)}</details>")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def _mark(rows: Sequence[CheckResult]) -> str:
    return "critical" if any(not row.passed and row.severity == "critical" for row in rows) else "warning"


def _table(rows: Sequence[CheckResult], *, with_subject: bool = False) -> str:
    lines = ["<table><colgroup><col class=mark></colgroup><tr><th>Result<th>Check<th>Observed<th>Expected</tr>"]
    for row in rows:
        mark = "passed" if row.passed else row.severity
        check = f"{escape(row.subject)}: {escape(row.check)}" if with_subject else escape(row.check)
        lines.append(
            f"<tr><td class={mark}>{mark}<td>{check}<small>{escape(row.why)}</small><td>{escape(_text(row.observed))}<small>{escape(row.detail)}</small>"
            f"<td>{escape(_text(row.expected))}</tr>")
    return "".join([*lines, "</table>"])


def _text(value: str | float | None) -> str:
    return "" if value is None else f"{value:,g}" if isinstance(value, float) else str(value)
