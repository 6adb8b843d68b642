"""What the checks found: rows that are plain data, for artifacts, manifests and documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["critical", "warning"]
Border = Literal["batch", "marts"]


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """One check of one subject.

    border: 'batch' (what landed) or 'marts' (what is about to be published). subject: '<source>/<stream>' or a table.
    check: its name with what it looked at, e.g. 'expect_column_values_to_be_in_set(status)'. observed, expected: in words or numbers.
    detail: what a person needs to go on (examples, or why nothing could be said). why: the reason for the check, from its suite.
    """

    border: Border
    subject: str
    check: str
    severity: Severity
    passed: bool
    observed: str | float | None = None
    expected: str | float | None = None
    detail: str = ""
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """`critical` failures stop publication (or hold the batch); warnings are published and reported."""

    results: tuple[CheckResult, ...] = ()

    @property
    def critical_failures(self) -> tuple[CheckResult, ...]:
        return tuple(result for result in self.results if not result.passed and result.severity == "critical")

    @property
    def warnings(self) -> tuple[CheckResult, ...]:
        return tuple(result for result in self.results if not result.passed and result.severity == "warning")

    @property
    def passed(self) -> bool:
        """Whether nothing critical failed."""
        return not self.critical_failures

    def as_rows(self) -> list[dict[str, Any]]:
        """JSON-able, for the manifest and for tables in a UI."""
        return [asdict(result) for result in self.results]

    def sentences(self) -> list[str]:
        """What failed, one line each, critical first."""
        return [
            f"{result.severity}: {result.subject}: {result.check}: {result.observed}, expected {result.expected or 'otherwise'}"
            + (f" ({result.detail})" if result.detail else "")
            for result in (*self.critical_failures, *self.warnings)
        ]


def from_rows(rows: Iterable[Mapping[str, Any]]) -> CheckReport:
    return CheckReport(results=tuple(CheckResult(**row) for row in rows))


def together(reports: Iterable[CheckReport]) -> CheckReport:
    return CheckReport(results=tuple(result for report in reports for result in report.results))
