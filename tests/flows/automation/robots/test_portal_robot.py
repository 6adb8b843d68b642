"""The robot at the real portal with a real Chromium. What the portal's own database holds is the truth."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flows import gallery
from flows.automation.contract import Refused, Unanswered, Unavailable, Unrecognized, holds
from flows.automation.robots import evidence
from flows.automation.robots import portal_pages as pages
from flows.automation.robots.portal_order import ENTER_ORDER, KIND
from flows.automation.robots.portal_session import Session, order_of
from sandbox.portal.server import set_faults
from tests.browser import install_browser
from tests.flows.automation.robots.dealer import NOW, PASSWORD, USER, Dealer, carry_out, dealer, marker, order
from tests.flows.automation.robots.worker import rekeying
from tests.flows.automation.world import row


@pytest.fixture(scope="module")
def said() -> list[str]:
    return []


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, said: list[str]) -> Iterator[tuple[Dealer, Session]]:
    """A session costs 3 CPU seconds, so the tests share one; what only a session of its own can show opens that itself."""
    install_browser()
    with dealer(tmp_path_factory.mktemp("dealer")) as running, running.session(said.append) as session:
        yield running, session


@pytest.fixture
def portal(opened: tuple[Dealer, Session]) -> Dealer:
    opened[0].forget()
    return opened[0]


@pytest.fixture
def session(portal: Dealer, opened: tuple[Dealer, Session]) -> Session:
    return opened[1]


def test_an_order_is_entered_as_wanted_and_found_by_its_reference(portal: Dealer, session: Session, said: list[str]) -> None:
    said.clear()
    wanted = order("SO-1")
    assert ENTER_ORDER.look(session, wanted, marker("SO-1")) == {}
    ENTER_ORDER.act(session, wanted, {}, marker("SO-1"))
    assert holds(ENTER_ORDER.look(session, wanted, marker("SO-1")), ENTER_ORDER.wanted(wanted, {}))
    assert KIND.check(session) == USER
    (entered,) = portal.state.items("orders")
    assert (entered["cust_name"], entered["ship_to"], entered["deliv_date"]) == ("Halden & Söhne GmbH", "Lindenallee 5, 10115 Berlin", "20.11.2026")
    assert [(line["item"], line["quantity"]) for line in entered["lines"]] == [("K-100", 2), ("K-200", 12)]
    assert said == [f"SO-1: entered under confirmation no. {entered['id']}"] and not portal.failures()


def test_a_reference_is_looked_for_on_all_pages_of_what_contains_it(portal: Dealer, session: Session) -> None:
    for number in range(25):
        portal.state.put("orders", {**_there(f"SO-1{number:02d}"), "id": 500_100 + number}, 0)
    portal.state.put("orders", {**_there("SO-1"), "id": 400_000}, 0)      # the oldest, so on the last page
    assert ENTER_ORDER.look(session, order("SO-1"), "m") == {
            "orders": 1, "customer_number": "C1", "requested_on": "2026-11-20", "lines": [["K-100", 1]], "confirmation": "400000"}
    with pytest.raises(Refused, match="says something else"):
        ENTER_ORDER.act(session, order("SO-1"), ENTER_ORDER.look(session, order("SO-1"), "m"), "m")
    assert portal.entered()["SO-1"] == 1


def _there(reference: str) -> dict[str, object]:
    return {"cust_ref": reference, "cust_no": "C1", "cust_name": "", "ship_to": "", "deliv_date": "20.11.2026", "entered": NOW.isoformat(), "by": "hand",
            "total": "12.50", "status": "open", "lines": [{"item": "K-100", "name": "Article", "quantity": 1, "pack": 1, "price": "12.50"}]}


@pytest.mark.parametrize("fault", ["lost", "500 after"])
def test_after_a_lost_answer_the_order_is_there_once_and_it_is_not_said_to_have_failed(portal: Dealer, session: Session, fault: str) -> None:
    set_faults(portal.state, submits=[fault])
    with pytest.raises(Unanswered):
        ENTER_ORDER.act(session, order("SO-1"), {}, "m")
    assert portal.entered() == {"SO-1": 1}, "Chromium sends a request again over a new connection when one that it used before breaks"
    assert carry_out(session, order("SO-1")) == "verified"
    assert portal.entered() == {"SO-1": 1}


def test_without_care_chromium_itself_enters_an_order_twice(portal: Dealer, session: Session) -> None:
    """What `browser.send_once` is there for: if this fails, Chromium has learnt better and it can go."""
    set_faults(portal.state, submits=["lost"])
    def carelessly() -> None:
        pages.type_in(session.window, portal.url, pages.Order(
            reference="SO-1", customer_number="C1", customer_name="", deliver_to="", requested_on=(NOW + timedelta(days=9)).date(), lines=(("K-100", 1),)))
        pages.press(session.window, pages.REVIEW)
    session.window.run(carelessly)
    assert portal.entered() == {"SO-1": 2}


def test_what_the_portal_refuses_is_refused_in_its_own_words(portal: Dealer, session: Session) -> None:
    cases = {
        "Item K-999 is not in our range.": order("SO-1", lines=[("K-100", 1), ("K-999", 1)]),
        "Quantity 7 of item K-200 is not a multiple of the pack (6).": order("SO-2", lines=[("K-200", 7)]),
        "Delivery date is in the past.": order("SO-3", requested_on="2026-10-31"),
        "Delivery address is longer than 35 characters.": order("SO-4", deliver_to="x" * 36),
    }
    for words, wanted in cases.items():
        with pytest.raises(Refused) as refused:
            ENTER_ORDER.act(session, wanted, {}, "m")
        assert words in str(refused.value)
    assert carry_out(session, order("SO-5")) == "verified", "one refused order does not spoil the next"
    assert portal.entered() == {"SO-5": 1}
    assert [json.loads((kept / "reason.json").read_text())["reference"] for kept in portal.failures()] == ["SO-1", "SO-2", "SO-3", "SO-4"]


def test_what_the_review_page_shows_otherwise_is_not_submitted(portal: Dealer, session: Session) -> None:
    set_faults(portal.state, truncates=10)
    with pytest.raises(Refused, match="another deliver_to"):
        ENTER_ORDER.act(session, order("SO-1"), {}, "m")
    assert not portal.entered()


def test_a_changed_page_stops_the_batch_before_anything_is_typed(portal: Dealer) -> None:
    set_faults(portal.state, renamed=True)
    with pytest.raises(Unrecognized, match=r"cust_ref \(Your reference\) is missing; po_number \(Your reference\) is new"), portal.session():
        pass
    assert all(not session["draft"] for session in portal.state.items("sessions"))


def test_a_page_that_changes_in_the_middle_of_a_batch_is_not_typed_into(portal: Dealer, session: Session) -> None:
    assert carry_out(session, order("SO-1")) == "verified"
    set_faults(portal.state, renamed=True)
    with pytest.raises(Unrecognized):
        ENTER_ORDER.act(session, order("SO-2"), {}, "m")
    assert portal.entered() == {"SO-1": 1} and all(not session["draft"] for session in portal.state.items("sessions"))


@pytest.mark.parametrize("page", ["/order/header", "/order/lines", "/order/submit"])
def test_a_session_that_ends_in_mid_form_loses_and_doubles_nothing(portal: Dealer, session: Session, page: str) -> None:
    set_faults(portal.state, ends_at=[page])
    ENTER_ORDER.act(session, order("SO-1"), {}, "m")
    assert portal.entered() == {"SO-1": 1} and not portal.state.fact("faults")["ends_at"]


def test_sessions_too_short_for_an_order_are_not_begun_for_ever(portal: Dealer, session: Session) -> None:
    set_faults(portal.state, expire_every=3)
    with pytest.raises(Unavailable, match="sessions end before the work does"):
        ENTER_ORDER.act(session, order("SO-1"), {}, "m")
    assert not portal.entered()


def test_a_wrong_password_is_refused_and_told_nowhere(portal: Dealer) -> None:
    with pytest.raises(Refused, match="User or password is wrong") as refused, portal.session(password="wr0ng-s3cret"):
        pass
    assert "wr0ng-s3cret" not in str(refused.value) + _everything_kept(portal)


def test_a_password_does_not_leave_unencrypted(portal: Dealer) -> None:
    with pytest.raises(Refused, match="https"), portal.session(url="http://portal.example"):
        pass


def test_the_notice_and_slow_pages_are_lived_with(portal: Dealer, session: Session) -> None:
    set_faults(portal.state, modal_every=2, slow_every=5, slow_seconds=0.4)
    assert carry_out(session, order("SO-1")) == "verified" and not portal.failures()


def test_a_page_that_does_not_come_is_not_waited_for_and_a_submission_without_an_answer_is_not_repeated(portal: Dealer, session: Session) -> None:
    impatient = replace(session, window=replace(session.window, patience=1.0))
    set_faults(portal.state, slow_every=1, slow_seconds=3)
    with pytest.raises(Unavailable, match="within 1 seconds"):
        ENTER_ORDER.look(impatient, order("SO-1"), "m")
    set_faults(portal.state)
    session.window.run(pages.type_in, session.window, portal.url, order_of(order("SO-1")))
    set_faults(portal.state, submits=["slow"], slow_seconds=3)
    with pytest.raises(Unanswered):
        session.window.run(pages.submit, impatient.window)
    time.sleep(3)               # until it settles: looked for at once it would not be there yet, and would be entered again
    assert carry_out(session, order("SO-1")) == "verified"
    assert portal.entered() == {"SO-1": 1}


def test_two_browsers_share_a_queue_look_the_pages_over_once_and_both_stop_where_a_page_changed(
    tmp_path: Path, portal: Dealer, session: Session, monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked, browsers, look_over = [], set(), pages.look_over
    monkeypatch.setattr(pages, "look_over", lambda window, url: (look_over(window, url), looked.append(url)))
    act = replace(ENTER_ORDER, act=lambda session, *given: (browsers.add(id(session.window)), ENTER_ORDER.act(session, *given)))
    here = rekeying(portal.url, tmp_path, [order(f"SO-{number}") for number in range(5)], browsers=2, action=act)
    two = here.session
    here.session = lambda: nullcontext(session)
    here.propose()
    here.session = two
    assert here.execute() == {"verified": 5}
    assert portal.entered() == {f"SO-{number}": 1 for number in range(5)}
    assert (len(looked), len(browsers)) == (1, 2)
    here.night([row(f"SO-{number}", **order(f"SO-{number}")) for number in range(5, 9)])
    here.session = lambda: nullcontext(session)
    here.propose()
    here.session = two

    def change(step: str) -> None:
        if step == "sending committed":
            set_faults(portal.state, renamed=True)

    here.step = change
    assert here.execute()["stopped"] >= 1
    assert here.execute() == {}, "switched off until a person has looked"
    assert sum(portal.entered().values()) == 5 and not {intent.state for intent in here.intents()} & {"sending", "failed"}
    assert all(not session["draft"].get("cust_ref") or session["draft"]["cust_ref"] in portal.entered() for session in portal.state.items("sessions"))


PLANTED = ("Erika Mustermann-Öz", "Geheimweg 77 & Hinterhaus")


def test_what_is_kept_of_a_failure_tells_of_nobody(portal: Dealer, session: Session) -> None:
    set_faults(portal.state, ends_at=["/order/header", "/order/lines"])               # logs in while it is traced
    for bad in (order("SO-1", customer_name=PLANTED[0], deliver_to=PLANTED[1], lines=[("K-100", 1), ("K-999", 1)]),
                order("SO-2", customer_name=PLANTED[0], deliver_to=PLANTED[1] + "x" * 20)):
        with pytest.raises(Refused):
            ENTER_ORDER.act(session, bad, {}, "m")
    kept = _everything_kept(portal)
    assert "K-999" in kept and "SO-1" in kept and "/order/lines" in kept, "it tells what happened"
    cookies = [session["id"] for session in portal.state.items("sessions")]
    for secret in (*PLANTED, "Erika", "Geheimweg", "Mustermann", PASSWORD, USER, "pa55", *cookies):
        assert secret not in kept, secret


def test_a_picture_is_the_same_whoever_the_customer_is(portal: Dealer, session: Session) -> None:
    for reference, name, where in (("SO-1", "Erika Mustermann", "Geheimweg 77"), ("SO-1", "Bruno Beispielhe", "Ufergasse 19")):
        with pytest.raises(Refused):
            ENTER_ORDER.act(session, order(reference, customer_name=name, deliver_to=where, requested_on="2026-10-01"), {}, "m")
    bare = session.window.run(session.window.page.screenshot)
    first, second = ((kept / "picture.png").read_bytes() for kept in portal.failures())
    assert first == second and first != bare and len(first) > 5_000


def test_failures_are_kept_so_many_days(portal: Dealer) -> None:
    folder = portal.folder / "failures"
    for days in (1, 29, 31, 400):
        (folder / f"{NOW - timedelta(days=days):{evidence.STAMP}}-SO-{days}").mkdir(parents=True)
    (folder / "notes").mkdir()
    evidence.prune(folder, days=30, now=NOW)
    assert sorted(path.name.rpartition("-")[2] for path in folder.iterdir()) == ["1", "29", "notes"]


def test_killed_while_it_keeps_a_failure_it_leaves_the_reason_and_nothing_that_was_typed(tmp_path: Path) -> None:
    """The trace as Playwright writes it holds the password; its robot dies before that is cleared."""
    robot = f"""
import os, signal, types
from datetime import UTC, datetime
from pathlib import Path
from flows.automation.robots import evidence
def dies(path):
    path.write_text("fill hush-hush")
    os.kill(os.getpid(), signal.SIGKILL)
page = types.SimpleNamespace(url="http://127.0.0.1/order?name=x", locator=lambda selector: selector, screenshot=lambda path, **_: Path(path).write_bytes(b"picture"))
window = types.SimpleNamespace(page=page, context=types.SimpleNamespace(tracing=types.SimpleNamespace(stop_chunk=dies)))
evidence.keep(window, Path({str(tmp_path)!r}), masked="td", reason="the page has changed", about={{"reference": "SO-1"}}, secret=["hush-hush"],
              now=datetime(2026, 11, 2, tzinfo=UTC))
"""
    assert subprocess.run([sys.executable, "-c", robot], check=False).returncode == -9
    [(kept, told)] = gallery.failures(tmp_path, since=NOW - timedelta(days=400))
    assert (told["reason"], told["reference"], kept.name) == ("the page has changed", "SO-1", "20261102T000000000000Z-SO-1")
    [left] = tmp_path.glob(".*/trace.raw")
    assert stat.S_IMODE(left.parent.stat().st_mode) == 0o700
    evidence.prune(tmp_path, days=400, now=NOW)
    assert list(tmp_path.iterdir()) == [kept]
    assert not [path for path in kept.iterdir() if b"hush" in path.read_bytes()]


def _everything_kept(portal: Dealer) -> str:
    texts = []
    for kept in portal.failures():
        texts.append((kept / "reason.json").read_text(encoding="utf-8"))
        with zipfile.ZipFile(kept / "trace.zip") as trace:
            texts += [trace.read(name).decode("utf-8", "replace") for name in trace.namelist()]
        assert {path.name for path in kept.iterdir()} <= {"reason.json", "picture.png", "trace.zip"} and not list(kept.parent.glob(".*"))
    return json.dumps(texts, ensure_ascii=False) + "".join(texts)
