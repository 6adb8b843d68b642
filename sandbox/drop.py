"""The drop folder: what companies keep in files, as they are in real ones – mostly plain CSV, one from a German spreadsheet, one XLSX.

`write_drop(plan, folder)` leaves files whose content did not change untouched, so a day lived later changes few of them; rosters and channel
days come as one file a month for the same reason. `declaration()` says how each is to be read, in the words of the `files` connector.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.company import partner
from sandbox.company.money import Exchange
from sandbox.company.plan import Plan
from sandbox.company.planted import LOSING_CHANNEL
from sandbox.company.slips import slips

Row = dict[str, object]

USD_CHANNEL = LOSING_CHANNEL  # the network bills in dollars
_LONG_AGO = (2025, 1, 1, 0, 0, 0)

COLUMNS: dict[str, tuple[str, ...]] = {
    "targets": ("kpi", "segment_type", "segment", "effective_from", "target", "warn_at", "act_at"),
    "channel_days": ("day", "channel", "campaign", "spend", "currency", "visits"),
    "budgets": ("month", "unit", "category", "amount", "currency"),
    "costs": ("month", "unit", "category", "amount", "currency"),
    "rosters": ("agent", "team", "time_zone", "starts_at", "ends_at"),
    "sla_policies": ("policy", "priority", "first_reply_minutes", "next_reply_minutes", "resolution_minutes", "calendar", "pauses_on_pending"),
    "teams": ("team", "department", "time_zone", "calendar"),
    "training": ("agent", "team", "course", "planned_on", "completed_on"),
    "risks": ("risk", "category", "registered_on", "materialised_on", "owner"),
    "projects": ("project", "unit", "kpi", "direction", "registered_on", "starts_on", "expected_effect", "segment_type", "segment", "guard_rails"),
    "suggestions": ("suggestion", "submitted_on", "submitter", "unit", "subject", "assessed_on", "decision", "project"),
    "procedures": ("process", "step", "activity", "must_follow", "within_hours", "at_most_once", "different_person"),
    "staff": ("person", "team", "business_unit", "is_core", "fte", "starts_on", "ends_on"),
    "sites": ("site", "square_metres", "starts_on", "ends_on"),
    "team_reviews": ("team", "reviewed_on", "score", "is_passed"),
    "quality_reviews": ("review", "reviewed_on", "ticket", "agent", "team", "score"),
    "surveys": ("answer", "answered_on", "department", "about", "score"),
    "staffing": ("team", "handling_minutes", "answer_share", "answer_within_minutes"),
    "stock_counts": ("counted_on", "warehouse", "product", "on_hand"),
    "partner_items": ("partner", "product", "partner_item", "valid_from"),
    "partner_orders": ("Confirmation", "Your reference", "Entered", "Delivery date", "Customer no.", "Lines", "Total EUR", "Status"),
}

_AS_THEY_ARE = (
    "targets", "budgets", "training", "projects", "procedures", "staff", "sites", "team_reviews", "quality_reviews", "surveys", "staffing", "stock_counts",
    "suggestions",
)


REGISTER = "projects.csv"


def declaration() -> dict[str, dict[str, Any]]:
    """Stream -> its options under `[sources.<name>.streams.<stream>]` of a files source: pattern, key, and what cannot be guessed."""
    plain = {
        "targets": ("targets.csv", ["kpi", "segment_type", "segment", "effective_from"]),
        "channel_days": ("channel_days-*.csv", ["day", "channel", "campaign"]),
        "budgets": ("budgets.csv", ["month", "unit", "category"]),
        "costs": ("costs.csv", ["month", "unit", "category"]),
        "rosters": ("rosters-*.csv", ["agent", "starts_at"]),
        "sla_policies": ("sla_policies.csv", ["policy", "priority"]),
        "teams": ("teams.csv", ["team"]),
        "training": ("training.csv", ["agent", "course"]),
        "risks": ("risks.xlsx", ["risk"]),
        "projects": ("projects.csv", ["project"]),
        "suggestions": ("suggestions.csv", ["suggestion"]),
        "procedures": ("procedures.csv", ["process", "step"]),
        "staff": ("staff.csv", ["person", "starts_on"]),
        "sites": ("sites.csv", ["site", "starts_on"]),
        "team_reviews": ("team_reviews.csv", ["team", "reviewed_on"]),
        "quality_reviews": ("quality_reviews.csv", ["review"]),
        "surveys": ("surveys.csv", ["answer"]),
        "staffing": ("staffing.csv", ["team"]),
        "stock_counts": ("stock_counts.csv", ["counted_on", "warehouse", "product"]),
        "partner_items": ("partner_items.csv", ["partner", "product"]),
        "partner_orders": ("partner_orders*.csv", ["Confirmation"]),
    }
    declared: dict[str, dict[str, Any]] = {stream: {"pattern": pattern, "key": key} for stream, (pattern, key) in plain.items()}
    declared["channel_days"] |= {"may_be_empty": ["campaign"]}  # most days a channel runs without one
    declared["rosters"] |= {"personal": {"agent": "email"}}
    declared["training"] |= {"personal": {"agent": "email"}}
    declared["risks"] |= {"personal": {"owner": "staff"}}
    declared["suggestions"] |= {"personal": {"submitter": "email"}}
    declared["staff"] |= {"personal": {"person": "email"}}
    declared["quality_reviews"] |= {"personal": {"agent": "email"}}
    declared["partner_orders"] |= {"encoding": "cp1252", "delimiter": ";", "dates": {"Entered": "dmy", "Delivery date": "dmy"}}
    declared["costs"] |= {"encoding": "cp1252", "delimiter": ";", "dates": {"month": "dmy"}, "numbers": {"amount": ","}}
    return declared


def calendars(plan: Plan) -> dict[str, dict[str, Any]]:
    """The business-hours calendars as the `[calendars.<name>]` tables of meridian.toml: time_zone, mon = [["09:00", "18:00"]] ..., holidays."""
    return {
        calendar.name: {
            "time_zone": calendar.time_zone,
            **{day: [list(span) for span in spans] for day, spans in calendar.hours.items()},
            "holidays": list(calendar.holidays),
        }
        for calendar in plan.calendars
    }


def write_drop(plan: Plan, folder: Path) -> list[Path]:
    """Writes every file whose content is new, each in one rename. Returns those that were written."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name, content in sorted(contents(plan).items()):
        path = folder / name
        if name == REGISTER and path.exists():
            content += _added(path.read_bytes(), content)
        if path.exists() and path.read_bytes() == content:
            continue
        unfinished = path.with_name(path.name + ".tmp")
        unfinished.write_bytes(content)
        unfinished.replace(path)
        written.append(path)
    return written


def _added(before: bytes, now: bytes) -> bytes:
    """The projects that somebody put into the register, a person or an automation: the company's days go on below them."""
    ours = {row["project"] for row in csv.DictReader(io.StringIO(now.decode("utf-8")))}
    theirs = [row for row in csv.DictReader(io.StringIO(before.decode("utf-8-sig"))) if row["project"] not in ours]
    return _csv("projects", [{name: row.get(name) for name in COLUMNS["projects"]} for row in theirs]).split(b"\n", 1)[1]


def contents(plan: Plan) -> dict[str, bytes]:
    """File name -> bytes; the same plan gives the same bytes."""
    slipped = slips(plan)
    tables = {name.partition(".")[0]: [*rows, *slipped.get(name.partition(".")[0], ())] for name, rows in plan.tables.items()}
    found = {
        "costs.csv": _csv("costs", tables["costs"], delimiter=";", encoding="cp1252", text=_german),
        "sla_policies.csv": _csv("sla_policies", _policies(plan)),
        "teams.csv": _csv("teams", _teams(plan)),
        "risks.xlsx": _xlsx("risks", tables["risks"]),
        **{f"{name}.csv": _csv(name, tables[name]) for name in _AS_THEY_ARE},
        "partner_items.csv": _csv("partner_items", partner.items(plan)),
        "partner_orders.csv": _csv("partner_orders", partner.reported(plan), delimiter=";", encoding="cp1252", text=_german),
    }
    for month, rows in _by_month(_channel_days(plan), lambda row: row["day"]).items():
        found[f"channel_days-{month}.csv"] = _csv("channel_days", rows)
    local = [
        {**row, "starts_at": _local(row["starts_at"], str(row["time_zone"])), "ends_at": _local(row["ends_at"], str(row["time_zone"]))}
        for row in tables["rosters"]
    ]
    for month, rows in _by_month(local, lambda row: row["starts_at"]).items():
        found[f"rosters-{month}.csv"] = _csv("rosters", rows)
    return found


def _teams(plan: Plan) -> Iterable[Row]:
    for team in plan.teams:
        yield {"team": team.name, "department": team.department, "time_zone": team.time_zone, "calendar": team.calendar}


def _policies(plan: Plan) -> Iterable[Row]:
    for policy in plan.sla_policies:
        for priority, minutes in policy.first_reply_minutes.items():
            yield {
                "policy": policy.name,
                "priority": priority,
                "first_reply_minutes": minutes,
                "next_reply_minutes": policy.next_reply_minutes.get(priority),
                "resolution_minutes": policy.resolution_minutes[priority],
                "calendar": policy.calendar,
                "pauses_on_pending": policy.pauses_on_pending,
            }


def _channel_days(plan: Plan) -> Iterable[Row]:
    exchange = Exchange(plan.rates)
    for row in plan.channel_days:
        currency = "USD" if row.channel == USD_CHANNEL else plan.currency
        spend = (row.spend * exchange.rate(currency, row.day)).quantize(Decimal("0.01"))
        yield {"day": row.day, "channel": row.channel, "campaign": row.campaign, "spend": spend, "currency": currency, "visits": row.visits}


def _local(at: object, time_zone: str) -> datetime:
    assert isinstance(at, datetime)
    return at.astimezone(ZoneInfo(time_zone))


def _by_month(rows: Iterable[Row], day: Callable[[Row], Any]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[f"{day(row):%Y-%m}"].append(row)
    return found


def _plain(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _german(value: object) -> str:
    """As a German spreadsheet exports: 31.10.2026 and 1.234,56."""
    if isinstance(value, date):
        return f"{value:%d.%m.%Y}"
    if isinstance(value, Decimal):
        return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))
    return _plain(value)


def _csv(stream: str, rows: Iterable[Row], *, delimiter: str = ",", encoding: str = "utf-8", text: Callable[[object], str] = _plain) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n" if encoding == "cp1252" else "\n")
    writer.writerow(COLUMNS[stream])
    for row in rows:
        writer.writerow([text(row[column]) for column in COLUMNS[stream]])
    return out.getvalue().encode(encoding)


def _xlsx(stream: str, rows: Iterable[Row]) -> bytes:
    """A workbook with one sheet. Its inner dates are fixed: the real today would show in it, and the same rows would be new bytes every time."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = stream
    sheet.append(list(COLUMNS[stream]))
    for row in rows:
        sheet.append([row[column] for column in COLUMNS[stream]])
    book.properties.creator = "operations"
    book.properties.created = datetime(*_LONG_AGO)  # noqa: DTZ001 - the workbook format knows no zones
    raw = io.BytesIO()
    book.save(raw)
    fixed = io.BytesIO()
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename == "docProps/core.xml":
                content = _without_today(content)
            target.writestr(zipfile.ZipInfo(entry.filename, _LONG_AGO), content, zipfile.ZIP_DEFLATED)
    return fixed.getvalue()


def _without_today(core: bytes) -> bytes:
    """openpyxl stamps the moment of saving as `modified`, whatever the properties say."""
    return re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2025-01-01T00:00:00Z", core)
