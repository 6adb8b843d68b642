"""A backfill as people ask for it: at a terminal, and by the form in the Prefect UI, seen in a real browser."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.personal import KEY_VARIABLE
from flows import backfill_form, up
from flows.backfill_form import Form
from flows.store import grid, jobs, leases
from flows.store import ledger as ledgers
from sandbox.zendesk import load as loading
from tests.browser import page
from tests.flows.conftest import Company
from tests.flows.kills import at_page
from tests.flows.nights import marts
from tests.prefect_api import PREFECT
from tests.sandbox.zendesk.desk import NOW, TOKEN, helpdesk, plan, solved_life, ticket

__all__ = ["page"]

CONFIGURATION = """\
[company]
name = "Small company"
time_zone = "Europe/Berlin"
currency = "EUR"
languages = ["en", "zh-CN"]
[state]
home = "state"
[night]
clock_file = "clock"
[sources.helpdesk]
kind = "zendesk"
url = "{url}"
email = "{email}"
token_env = "T"
exports_per_minute = 100000
page_size = 2
read_from = 2026-10-20
"""
FIRST = datetime(2026, 10, 6, 8, tzinfo=UTC)
KILLED_BEFORE_ANYTHING_IS_CHECKED = "import os, signal\nimport flows.check as c\nc.check_batches = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
KILLED_BEFORE_CURRENT_IS_TURNED = "import os, signal\nimport flows.store.published as p\np._turn = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"


def history() -> list[Any]:
    """A ticket every nine hours since 6 October."""
    return [ticket(number, at, *solved_life(at)) for number in range(1, 61) for at in [FIRST + timedelta(hours=9 * (number - 1))]]


def machine(folder: Path, url: str, api: str, *, state: str = "", secrets: str = "") -> Company:
    """A deployment that reads this helpdesk, on the morning of 1 November. state: more lines of [state]; secrets: of .env."""
    folder.mkdir(exist_ok=True)
    made = Company(folder=folder, api=api)
    made.config.write_text(CONFIGURATION.format(url=url, email=loading.ADMIN_EMAIL).replace('home = "state"\n', f'home = "state"\n{state}'), encoding="utf-8")
    (folder / ".env").write_text(f"T={TOKEN}\n{KEY_VARIABLE}={'5eed' * 16}\n{secrets}")
    (folder / ".env").chmod(0o600)
    made.clock(NOW.isoformat())
    return made


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, prefect_api: str) -> Iterator[Company]:
    """After the first night, which read from 20 October on."""
    folder = tmp_path_factory.mktemp("company")
    with helpdesk(folder / "desk", plan(*history())) as desk:
        made = machine(folder, desk.url, prefect_api)
        night = made.run("nightly")
        assert night.returncode == 0, night.stdout + night.stderr
        yield made


def states(company: Company, first: date, last: date) -> set[str]:
    settings = company.settings()
    ledger = ledgers.open_ledger(settings.ledger)
    return {cell.state for cell in grid.read(ledger, backfill_form.known_streams(settings, ledger), first, last, zone=settings.zone, now=settings.clock())
            if cell.stream == "tickets"}


def cursors(company: Company) -> list[Any]:
    return [(state.stream, state.cursor, state.last_success_at, state.memory) for state in ledgers.stream_states(ledgers.open_ledger(company.settings().ledger))]


def tickets(company: Company) -> int:
    return int(marts(company, "select count(*) from fct_tickets")[0][0])


KNOWN = [grid.Known(source="crm", stream="deals", kind="hubspot"), grid.Known(source="desk", stream="tickets", kind="zendesk")]


@pytest.mark.parametrize(("asked", "sentence"), [
    ({"start_day": "2026-03-05"}, "the first day 2026-03-05 is after the last day 2026-03-02: exchange them"),
    ({"end_day": "2026-03-03"}, "the last day 2026-03-03 is not over yet: the last complete day is 2026-03-02"),
    ({"start_day": "2020-01-01"}, "2253 days are more than 1100: ask for them in parts"),
    ({"sources": ["desc"]}, "there is no source 'desc'; did you mean 'desk'?"),
    ({"streams": ["desk/ticket"]}, "there is no stream 'desk/ticket'; did you mean 'desk/tickets'?"),
    ({"sources": ["crm"], "streams": ["desk/tickets"]}, "desk/tickets is no stream of crm: choose its source, too, or leave the sources empty"),
    ({"mode": "rebuild marts only", "budget": 5}, "rebuilding the marts reads no source: leave sources, streams and budget empty, or choose another mode"),
    ({"reason": " "}, "a reason is needed: it is kept with every day that is read"),
    ({"reason": "", "dry_run": True}, None), ({}, None),
])
def test_what_cannot_be_meant_is_answered_in_one_sentence(asked: dict[str, Any], sentence: str | None) -> None:
    form = Form(**{"start_day": "2026-03-01", "end_day": "2026-03-02", "reason": "test", **asked})
    assert backfill_form.problem(form, KNOWN, date(2026, 3, 2)) == sentence


def test_told_to_end_or_killed_it_leaves_nothing_running_and_the_same_asked_again_goes_on(company: Company) -> None:
    first, last = date(2026, 10, 6), date(2026, 10, 12)
    asked = ("backfill", "--from", str(first), "--to", str(last), "--days-at-once", "2", "--reason", "history")
    dry = company.run(*asked, "--dry-run")
    assert "would read 35 days of 5 streams, 2026-10-06 to 2026-10-12" in dry.stdout and states(company, first, last) == {"missing"}
    before, shown = cursors(company), tickets(company)
    told = company.run(*asked, prelude=at_page(2, signal.SIGTERM))
    assert told.returncode == -15, told.stdout + told.stderr
    ledger = ledgers.open_ledger(company.settings().ledger)
    with ledger.begin() as connection:
        assert not connection.execute(grid.cells.select().where(grid.cells.c.activity.is_not(None))).all(), "it cleaned up by itself"
        assert not connection.execute(ledgers.readings.select()).all() and not connection.execute(leases.leases.select()).all()
    for place in (KILLED_BEFORE_ANYTHING_IS_CHECKED, KILLED_BEFORE_CURRENT_IS_TURNED):
        killed = company.run(*asked, prelude=place)
        assert killed.returncode == -9, killed.stdout + killed.stderr
    assert states(company, first, last) == {"empty", "done"} and tickets(company) == shown, "read, and not yet published"
    again = company.run(*asked)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "goes on with the backfill that stopped: 35 of its days are done" in again.stdout + again.stderr
    assert re.search(r"published 2026-10-31\.00\d", again.stdout) and "history" in again.stdout
    count = sum((FIRST + timedelta(hours=9 * number + 24)).astimezone(company.settings().zone).date() <= last for number in range(60))
    behind = (FIRST + timedelta(hours=9 * count)).replace(tzinfo=None)
    assert marts(company, f"select count(*) from fct_tickets where created_at < timestamp '{behind}'") == [(count,)] and tickets(company) < 60
    assert cursors(company) == before
    (job,) = jobs.last(ledger)
    assert (job.state, job.reason) == ("finished", "history")
    assert marts(company, f"select day::varchar from stream_days where stream = 'tickets' and state = 'empty' and day <= '{last}'") == [(str(first),)], "then the first was made"
    assert not [night for night in company.nights() if night["state"] != "published"]


def test_asked_for_by_the_form_in_the_prefect_ui_it_is_seen_to_finish_and_its_grid_is_shown(company: Company, page: Any) -> None:
    settings = company.settings()
    server = up.Server(api=company.api)
    try:
        up.start_worker(settings, server, say=lambda line: None)
        up.deploy(settings, server)
        (deployment,) = PREFECT.post(f"{company.api}/deployments/filter", json={"deployments": {"name": {"any_": ["backfill"]}}}, timeout=10).json()
        page.goto(f"{server.ui}/deployments/deployment/{deployment['id']}/run")
        fill_in(page, {"First day": date(2026, 10, 13), "Last day": date(2026, 10, 19), "Streams": ["helpdesk/tickets", "helpdesk/ticket_events",
                "helpdesk/ticket_metric_events", "helpdesk/satisfaction_ratings", "helpdesk/schedules"], "Reason": "a week that was never read", "Asked by": "Ann"})
        keep(page, "backfill-form")
        page.get_by_role("button", name="Submit").click()
        page.wait_for_url("**/deployments/deployment/*tab=Runs")
        (run,) = PREFECT.post(f"{company.api}/flow_runs/filter", json={"deployments": {"id": {"any_": [deployment["id"]]}}}, timeout=10).json()
        page.goto(f"{server.ui}/runs/flow-run/{run['id']}")
        page.get_by_text("Finished", exact=True).first.wait_for(timeout=300_000)
        keep(page, "backfill-run")
        (artifact,) = PREFECT.post(f"{company.api}/artifacts/latest/filter", json={"artifacts": {"key": {"any_": ["backfill-grid"]}}}, timeout=10).json()
        page.goto(f"{server.ui}/artifacts/artifact/{artifact['latest_id']}")
        page.get_by_text("Days and streams / 日期与数据流").wait_for()
        shown = page.inner_text("body")
        assert "a week that was never read" in shown and "helpdesk/tickets" in shown and ("🟩" in shown or "🟪" in shown)
        keep(page, "backfill-grid")
    finally:
        up.down(settings)
    assert states(company, date(2026, 10, 13), date(2026, 10, 19)) <= {"done", "restated"}
    assert jobs.last(ledgers.open_ledger(settings.ledger))[0].who == "Ann"


def fill_in(page: Any, answers: dict[str, Any]) -> None:
    """The form that Prefect renders of ours: a date picker, a list to choose from, a text."""
    for name, answer in answers.items():
        label = page.locator(".schema-form-property__label", has_text=re.compile(rf"^{name}( \(Optional\))?$"))
        field = page.locator(".schema-form-property", has=label).last
        if isinstance(answer, date):
            field.locator(".p-date-button__control").click()
            page.locator(".p-date-picker input").fill(answer.isoformat())
            page.locator(".p-date-picker").get_by_text("Apply").click()
        elif isinstance(answer, list):
            field.locator(".p-select-button__control").focus()
            page.keyboard.press("ArrowDown")
            for choice in answer:
                page.locator(".p-select-option", has_text=re.compile(f"^{choice}$")).click()
            page.keyboard.press("Escape")
        else:
            field.locator("textarea").fill(answer)


def keep(page: Any, name: str) -> None:
    """For the README: MERIDIAN_SCREENSHOTS names the folder."""
    if folder := os.environ.get("MERIDIAN_SCREENSHOTS"):
        page.wait_for_timeout(1000)
        page.screenshot(path=Path(folder) / f"{name}.png")
