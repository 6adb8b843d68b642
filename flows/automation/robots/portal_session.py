"""A logged-in browser at the dealer portal, used for a batch: logs in again when the portal forgets it, keeps what went wrong, says how far it is."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

from flows.automation.contract import ActionError, Parameters, Refused, Unavailable
from flows.automation.robots import evidence
from flows.automation.robots import portal_pages as pages
from flows.automation.robots.browser import Window, first_line, window
from flows.automation.robots.portal_pages import Expired, Order

Result = TypeVar("Result")

PATIENCE, KEEP_DAYS, MOST_LOGINS = 30.0, 30, 5
NOTICE = "#notice"          # "Important notice": lies over every page until it is confirmed
PERSONAL = ("customer_name", "deliver_to")


@dataclass(frozen=True, kw_only=True)
class Session:
    """A browser that is logged in. now: the instant, for what is kept of failures. say: progress, a line at a time."""

    window: Window
    url: str
    user: str
    password: str
    evidence: Path
    now: Callable[[], datetime]
    say: Callable[[str], None]


def _log(line: str) -> None:
    logging.getLogger("meridian.robot").info(line)


@contextmanager
def open_session(
    options: Mapping[str, Any], secrets: Mapping[str, str], *, now: Callable[[], datetime] = lambda: datetime.now(UTC), say: Callable[[str], None] = _log,
) -> Iterator[Session]:
    """Logged in, and every page looked over. Raises Refused for options or a password that cannot be right, Unavailable, Unrecognized."""
    if not all(secrets.get(name) for name in ("USER", "PASSWORD")):
        raise Refused("the portal's user or password is not set: MERIDIAN_<TARGET>_USER and MERIDIAN_<TARGET>_PASSWORD in .env")
    url = str(options["url"]).rstrip("/")
    if not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise Refused(f"{url} would send the password unencrypted: the portal's url must begin with https://")
    try:
        patience, keep_days = float(options.get("patience", PATIENCE)), int(options.get("keep_days", KEEP_DAYS))
    except ValueError:
        raise Refused("patience is seconds, keep_days is days: both are numbers") from None
    with window(patience=patience) as opened:
        session = Session(window=opened, url=url, user=secrets["USER"], password=secrets["PASSWORD"], evidence=Path(str(options["evidence"])), now=now, say=say)
        evidence.prune(session.evidence, days=keep_days, now=now())
        opened.run(_prepare, session)
        with_login(session, pages.look_over, about={"of": "canary"})
        yield session


def _prepare(session: Session) -> None:
    page = session.window.page
    # Playwright calls it whenever the notice is in the way of something that is to be clicked or typed into.
    page.add_locator_handler(page.locator(NOTICE), lambda notice: notice.get_by_role("button").click())
    evidence.start(session.window)


def with_login(session: Session, do: Callable[..., Result], *arguments: Any, about: Mapping[str, str], personal: Collection[str] = ()) -> Result:
    """`do(window, url, ...)`, from its start again after every login that the portal asks for. A failure is kept with picture, trace and reason.

    about: what may be told of the piece of work. personal: texts that nothing which is kept or raised may hold.
    """
    return session.window.run(_with_login, session, do, arguments, about, personal)


def _with_login(session: Session, do: Callable[..., Any], arguments: tuple[Any, ...], about: Mapping[str, str], personal: Collection[str]) -> Any:
    from playwright.sync_api import Error

    secret = {*personal, session.password, session.user}
    try:
        for _ in range(MOST_LOGINS):
            try:
                done = do(session.window, session.url, *arguments)
                evidence.again(session.window)
                return done
            except Expired:
                session.say("logging in to the portal")
                pages.log_in(session.window, session.url, session.user, session.password)
        raise Unavailable(f"the portal's sessions end before the work does: {MOST_LOGINS} were begun")
    except (ActionError, Error) as problem:
        error = problem if isinstance(problem, ActionError) else Unavailable(f"the browser could not go on: {first_line(problem)}")
        reason = evidence.cleared(str(error), secret)
        kept = _keep(session, f"{type(error).__name__}: {reason}", about, secret)
        session.say(f"{' '.join(about.values())}: {reason}")
        raise type(error)(f"{reason} ({kept})" if kept else reason) from None


def _keep(session: Session, reason: str, about: Mapping[str, str], secret: Collection[str]) -> str:
    """The failure's folder; '' where it could not be written: what went wrong matters more than its picture."""
    from playwright.sync_api import Error

    try:
        return str(evidence.keep(session.window, session.evidence, masked=pages.MASKED, reason=reason, about=about, secret=secret, now=session.now()))
    except (OSError, Error) as error:
        session.say(f"the failure could not be kept: {first_line(error)}")
        return ""


def order_of(parameters: Parameters) -> Order:
    """What is to be typed in. Raises Refused for what cannot be meant."""
    try:
        lines = tuple((str(line["item"]), int(str(line["pieces"]))) for line in json.loads(parameters["lines"]))
        wanted = date.fromisoformat(parameters["requested_on"])
    except (ValueError, KeyError, TypeError):
        raise Refused('lines must be JSON as [{"item": "K-100", "pieces": "12"}] with whole pieces, and requested_on a date as 2026-11-30') from None
    if not lines or not parameters["reference"].strip():
        raise Refused("an order needs a reference and at least one line")
    texts = {name: " ".join(parameters.get(name, "").split()) for name in ("reference", "customer_number", *PERSONAL)}
    return Order(**texts, requested_on=wanted, lines=lines)
