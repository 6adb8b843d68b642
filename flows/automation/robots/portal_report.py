"""Download the dealer portal's report of orders into a drop folder, where a `files` source reads it in the next night: one file a month.

A month and not the last so-many days: what a file of the drop folder no longer has is taken as withdrawn, and a window that moves would withdraw its oldest
orders every day.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from flows.automation.contract import Unrecognized
from flows.automation.robots import forms
from flows.automation.robots import portal_pages as pages
from flows.automation.robots.browser import Window, first_line
from flows.automation.robots.portal_session import Session, with_login

ENCODING, DELIMITER = "cp1252", ";"


def download(session: Session, folder: Path, *, months: int, today: date) -> list[Path]:
    """This month and those before it, `months` altogether; returns the files that are new or say something else than before. Raises ActionError."""
    written = []
    for first, last in _months(months, today):
        content = with_login(session, _fetch, first, last, about={"of": f"report of {first:%Y-%m}"})
        if _put(folder / f"partner_orders-{first:%Y-%m}.csv", content):
            written.append(folder / f"partner_orders-{first:%Y-%m}.csv")
        session.say(f"report of {first:%Y-%m}: {len(content.splitlines()) - 1} orders")
    return written


def _fetch(window: Window, url: str, first: date, last: date) -> bytes:
    from playwright.sync_api import Error

    pages.go(window, f"{url}/reports")
    forms.fill(window.page, pages.REPORT, {"from": first.strftime(pages.DATES), "until": last.strftime(pages.DATES)})
    try:
        with window.page.expect_download() as started:
            forms.button(window.page, pages.REPORT).click()
        content = Path(started.value.path()).read_bytes()
    except Error as error:
        pages.arrived(window)       # instead of a file it may have answered with a login
        raise Unrecognized(f"the portal gives no file for its report: {'; '.join(pages.problems(window.page)) or first_line(error)}") from None
    head = content.split(b"\r\n", 1)[0].decode(ENCODING).split(DELIMITER)
    if head != list(pages.REPORT_COLUMNS):
        raise Unrecognized(f"the head of the report is {head}, not {list(pages.REPORT_COLUMNS)}")
    return content


def _months(count: int, today: date) -> Sequence[tuple[date, date]]:
    """The first day and the last day that can be known of each, the newest first."""
    found, last = [], today
    for _ in range(count):
        found.append((last.replace(day=1), last))
        last = last.replace(day=1) - timedelta(days=1)
    return found


def _put(path: Path, content: bytes) -> bool:
    """In one rename: a file that is still being written has an ending that the `files` source passes by. Whether there is something new in it."""
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".part")
    with aside.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    aside.replace(path)
    return True
