"""What a night leaves behind for people: artifacts in the Prefect UI, and the same facts as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flows import disk_use
from flows.reporting import completeness, quarantine, scorecard
from flows.settings import Settings
from flows.store import ledger as ledgers
from flows.store import published

if TYPE_CHECKING:
    from flows.nightly import Night


def leave_artifacts(settings: Settings, night: Night, state: str, message: str) -> None:
    """One table of streams, one of how complete they are, one of checks, one page with the scorecard."""
    from prefect.artifacts import create_markdown_artifact, create_table_artifact

    streams = [
        {
            "source": result.source, "stream": result.stream, "state": result.state, "records": result.records, "deletes": result.deletes,
            "pages": result.pages, "requests": result.requests, "seconds": result.seconds,
            "read up to": result.cursor.isoformat(timespec="seconds") if result.cursor else "whole",
            "remarks": "; ".join((*result.notes, *filter(None, [result.failure]))),
        }
        for result in sorted(night.streams, key=lambda result: (result.state != "failed", -(result.records + result.deletes)))
    ]
    create_table_artifact(key="streams", description=f"What each stream brought, night as of {night.as_of}", table=streams or [{"source": "none"}])
    create_table_artifact(
        key="completeness", description="What the sources hold and what has landed of it",
        table=[
            {"source": one.source, "stream": one.stream, "part": one.part, "in source": one.rows_in_source, "landed": one.rows_landed, "missing": one.missing,
             "superfluous": one.superfluous, "stale": one.stale, "requests": one.requests, "remarks": one.reason or ", ".join(one.examples)}
            for one in sorted(night.compared, key=lambda one: (-(one.missing or 0), one.method is None, one.source, one.stream))
        ] or [{"source": "none"}],
    )
    failed = [_check_row(row) for row in night.checks if not row["passed"]]
    passed = len(night.checks) - len(failed)
    create_table_artifact(
        key="checks", description=f"{passed} checks passed, {len(failed)} failed",
        table=[*failed, {"subject": f"{passed} checks", "check": "all others", "result": "passed"}],
    )
    cards = read_cards(settings) if night.version else []
    create_markdown_artifact(
        key="scorecard", description=f"{state}: {night.version or 'no new version'}", markdown=_page(settings, night, state, message, cards),
    )


def read_cards(settings: Settings, grain: str = "month") -> list[scorecard.Card]:
    """The scorecard of the current version."""
    connection = published.connect(settings.published)
    try:
        return scorecard.read(connection, currency=settings.configuration.company.currency, grain=grain)
    finally:
        connection.close()


def quality_lines(settings: Settings, language: scorecard.Language) -> str:
    """How complete what was read is, and what of it is in quarantine, a line each; without those that the version does not say."""
    connection = published.connect(settings.published)
    try:
        known = connection.execute("select count(*) from duckdb_tables() where table_name = 'stream_completeness'").fetchone()
        complete = completeness.line(connection, language) if known and known[0] else ""
        return "\n".join(filter(None, (complete, quarantine.line(connection, language))))
    finally:
        connection.close()


def _check_row(row: Mapping[str, Any]) -> dict[str, str]:
    shown = {name: str(row[name]) for name in ("subject", "check", "observed", "expected", "detail")}
    return {**shown, "result": str(row["severity"])}


def _page(settings: Settings, night: Night, state: str, message: str, cards: list[scorecard.Card]) -> str:
    lines = [f"# {state.capitalize()}", "", message, ""]
    for language in settings.configuration.company.languages if cards else ():
        lines += ["| " + " | ".join(scorecard.HEADS[language]) + " |", "|---|---:|---:|---|---|"]
        for card in cards:
            cells = (card.title(language), card.shown(card.value, language), card.shown(card.target, language), card.verdict(language), f"`{card.bars}`")
            lines.append("| " + " | ".join(cells) + " |")
        lines += ["", quality_lines(settings, language).replace("\n", "\n\n"), ""]
    lines += ["| step | seconds |", "|---|---:|", *(f"| {step} | {seconds:.1f} |" for step, seconds in night.seconds.items()), ""]
    if night.disk is not None:
        earlier = disk_use.earlier(ledgers.open_ledger(settings.ledger))       # this night is the last of them
        lines += [*disk_use.table(disk_use.forecast(earlier or [night.disk])), ""]
    lines += [f"[streams](/artifacts/key/streams) · [checks](/artifacts/key/checks) · marts: `{settings.published / 'marts.duckdb'}`"]
    if night.drift:
        lines += ["", "## Changed at the source", *(f"- {row['subject']}: {row['check']}: {row['observed']}" for row in night.drift)]
    return "\n".join(lines)
