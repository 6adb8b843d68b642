"""A Chromium in a thread of its own, and the one thing about browsers that matters when something is entered: they send twice.

When a connection that served a request before breaks without a byte of answer, Chromium sends the request again, whatever its method
(net/http/http_network_transaction.cc, ShouldResendRequest: "we resend a request only if we reused a keep-alive connection"). A portal that entered the order
and died before it answered would get it twice, and nothing above the network stack would know. `send_once` takes that request out of the browser's hands.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from flows.automation.contract import Unavailable, Unrecognized
from flows.reporting.page import BROWSERS

Result = TypeVar("Result")
_FORM = """form => ({
    action: form.action, method: form.method, kind: form.enctype, charset: document.characterSet,
    fields: [...new FormData(form, form.querySelector('[type=submit]'))]})"""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A page (playwright.sync_api.Page) and its context. Only inside of `run` may they be touched: Playwright's objects belong to the thread that made them."""

    page: Any
    context: Any
    patience: float
    run: Callable[..., Any]


@contextmanager
def window(*, patience: float) -> Iterator[Window]:
    """A browser with nothing of earlier ones in it. patience: how many seconds a page may take. Raises Unavailable where no browser is or starts."""
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        raise Unavailable("no Chromium or Chrome is installed: install one (Debian: apt-get install chromium)")
    # A thread of its own: Playwright's synchronous interface refuses one with an event loop in it, and whoever uses a session may do so from any.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="robot") as thread:
        def run(do: Callable[..., Result], *arguments: Any) -> Result:
            return thread.submit(do, *arguments).result()

        playwright, browser, context, page = run(_open, executable, patience)
        try:
            yield Window(page=page, context=context, patience=patience, run=run)
        finally:
            run(_close, playwright, browser)


def _open(executable: str, patience: float) -> tuple[Any, Any, Any, Any]:
    from playwright.sync_api import Error, sync_playwright

    playwright = sync_playwright().start()
    try:
        # As root Chromium starts without its own sandbox only.
        browser = playwright.chromium.launch(executable_path=executable, args=["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])])
    except Error as error:
        playwright.stop()
        raise Unavailable(f"{executable} did not start: {first_line(error)}") from None
    context = browser.new_context(viewport={"width": 1200, "height": 900}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(patience * 1000)
    return playwright, browser, context, page


def _close(playwright: Any, browser: Any) -> None:
    from playwright.sync_api import Error

    with suppress(Error):       # it is gone already
        browser.close()
    playwright.stop()


def send_once(window: Window, form: str) -> int:
    """Send a form as its button would, but by Playwright's own client: once, and never again. The answer is then what the page shows; returns its status.

    Not by a route that holds the browser's own request back meanwhile: when the hold ends early, by a time-out or a robot that dies, the browser sends it
    after all.
    Raises Unavailable when no answer came (it may have been taken all the same), Unrecognized for a form that is not sent as usual.
    """
    from playwright.sync_api import Error

    page = window.page
    there = page.locator(form).evaluate(_FORM)
    if (there["method"], there["kind"]) != ("post", "application/x-www-form-urlencoded"):
        raise Unrecognized(f"{form} is sent by {there['method']} as {there['kind']}")
    body = urlencode([tuple(pair) for pair in there["fields"]], encoding=there["charset"], errors="xmlcharrefreplace")
    try:
        answer = window.context.request.post(there["action"], data=body, max_retries=0, timeout=window.patience * 1000, headers={
            "Content-Type": there["kind"], "Referer": page.url})
        status, content = answer.status, answer.text()
    except Error as error:
        raise Unavailable(f"no answer came: {first_line(error)}") from None
    page.set_content(content, wait_until="domcontentloaded")
    return int(status)


def first_line(error: BaseException) -> str:
    """Of Playwright's errors only this may be told: what follows is its log, with all that was typed."""
    return (str(error).splitlines() or [type(error).__name__])[0]
