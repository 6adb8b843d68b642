"""A logged-in browser at the dealer portal, used for a batch: logs in again when the portal forgets it, keeps what went wrong, says how far it is."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

from flows.automation.contract import ActionError, Parameters, Refused, Unavailable
from flows.automation.robots import evidence
from flows.automation.robots import portal_pages as pages
from flows.automation.robots.browser import Window, first_line, window
from flows.automation.robots.portal_pages import Expired, Order

Result = TypeVar("Result")

PATIENCE, KEEP_DAYS, MOST_LOGINS, MOST_BROWSERS = 30.0, 30, 5, 8
NOTICE = "#notice"          # "Important notice": lies over every page until it is confirmed
PERSONAL = ("customer_name", "deliver_to")


@dataclass(frozen=True, kw_only=True)
class Session:
    """A browser that is logged in. browsers: how many are to work side by side. now: the instant, for what is kept of failures. say: progress, by the line."""

    window: Window
    url: str
    user: str
    password: str
    evidence: Path
    browsers: int
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
    if problems := wrong(options):
        raise Refused("; ".join(f"{option} = {options[option]!r}: {why}" for option, why in problems.items()))
    with window(patience=float(options.get("patience", PATIENCE))) as opened:
        session = Session(window=opened, url=url, user=secrets["USER"], password=secrets["PASSWORD"], evidence=Path(str(options["evidence"])),
                          browsers=int(options.get("browsers", 1)), now=now, say=say)
        evidence.prune(session.evidence, days=int(options.get("keep_days", KEEP_DAYS)), now=now())
        opened.run(_prepare, session)
        with_login(session, pages.look_over, about={"of": "canary"})
        yield session


def wrong(options: Mapping[str, Any]) -> Mapping[str, str]:
    """Options whose values cannot be right -> why."""
    said = {"patience": (float, 3600, "write the seconds that a page may take, more than 0"), "keep_days": (int, 36_500, "write whole days, 1 or more"),
            "browsers": (int, MOST_BROWSERS, f"write a whole number from 1 to {MOST_BROWSERS}; each is a Chromium with about 300 MB")}
    return {option: why for option, (kind, most, why) in said.items() if option in options and not _is_number(options[option], kind, most)}


def _is_number(value: Any, kind: Callable[[str], float], most: float) -> bool:
    try:
        return 0 < kind(str(value)) <= most
    except ValueError:
        return False


def beside(session: Session) -> Sequence[AbstractContextManager[Session]]:
    """The other browsers that the target is to have. Each logs in with the first page that asks for it; the pages were looked over by the first browser."""
    return [_another(session) for _ in range(session.browsers - 1)]


@contextmanager
def _another(first: Session) -> Iterator[Session]:
    with window(patience=first.window.patience) as opened:
        session = replace(first, window=opened)
        opened.run(_prepare, session)
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
