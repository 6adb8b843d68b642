"""What is kept of a failure: a picture, Playwright's trace and the reason, in a folder of its own, with nobody's name in them, for so many days.

The picture: every field and cell that is not known to be harmless is painted over (Playwright's page.screenshot, `mask`), so that a page that changed shows
less, not more. The trace: without snapshots and pictures (Playwright's tracing.start, `snapshots`, `screenshots`), because those hold whole pages; what
remains – each step, how long it took, which address answered what – is cleared of all values that were typed, of what forms sent, of headers and cookies.
"""

from __future__ import annotations

import errno
import html
import json
import os
import re
import shutil
import threading
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from flows.automation.robots.browser import Window, first_line

STAMP = "%Y%m%dT%H%M%S%fZ"
REASON = "reason.json"
HIDDEN = "•••"
_OF_A_STEP = ("selector", "url", "timeout", "waitUntil")       # what of its parameters is told: not what was typed, sent or shown
_OF_A_REQUEST = ("method", "url")
_OF_AN_ANSWER = ("status", "statusText")


def start(window: Window) -> None:
    window.context.tracing.start(screenshots=False, snapshots=False, sources=False)
    window.context.tracing.start_chunk()


def again(window: Window) -> None:
    """What was traced so far is forgotten: it went well."""
    window.context.tracing.stop_chunk()
    window.context.tracing.start_chunk()


def keep(window: Window, folder: Path, *, masked: str, reason: str, about: Mapping[str, str], secret: Collection[str], now: datetime) -> Path:
    """Write a failure down and begin a new trace; returns its folder. Reason and folder come first, at once: killed over the rest, it leaves them.

    masked: selector of what is painted over. about: what may be told of the piece of work. secret: texts that must not be in any of it.
    """
    told = {"reason": reason, "address": window.page.url.partition("?")[0], "at": now.isoformat(), **about}
    with _aside(folder) as aside:
        new = aside / "new"
        new.mkdir()
        _say(told, new, secret)
        kept = _moved(new, folder, f"{now.astimezone(UTC):{STAMP}}-{re.sub(r'[^A-Za-z0-9_-]+', '_', next(iter(about.values()), ''))[:40]}")
        with suppress(OSError):
            told["picture"] = _picture(window, kept / "picture.png", masked)
        window.context.tracing.stop_chunk(path=aside / "trace.raw")
        window.context.tracing.start_chunk()
        without(aside / "trace.raw", kept / "trace.zip", secret)
        _say(told, aside, secret)
        (aside / REASON).replace(kept / REASON)
    return kept


def _say(told: Mapping[str, str], folder: Path, secret: Collection[str]) -> None:
    (folder / REASON).write_text(cleared(json.dumps(told, ensure_ascii=False, indent=1), secret), encoding="utf-8")


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """Where this robot alone writes, its owner alone reads – names and passwords are in a trace as it comes – and of which nothing stays: of a killed one
    `prune` takes it away."""
    aside = folder / f".{os.getpid()}-{threading.get_ident()}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True, mode=0o700)
    try:
        yield aside
    finally:
        shutil.rmtree(aside)


def _moved(new: Path, parent: Path, name: str) -> Path:
    """Under a name of its own, whatever other robots write at the same instant."""
    for number in count(1):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            return new.rename(folder)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
    raise AssertionError("numbers do not end")


def _picture(window: Window, path: Path, masked: str) -> str:
    """Which picture there is, or why there is none."""
    from playwright.sync_api import Error

    try:
        window.page.screenshot(path=path, full_page=True, mask=[window.page.locator(masked)], timeout=10_000)
    except Error as error:
        return first_line(error)
    return path.name


def cleared(text: str, secret: Collection[str]) -> str:
    """A text without the secret ones, however they are written: plain, in JSON, HTML or an address."""
    for value in sorted(filter(None, secret), key=len, reverse=True):
        for form in (value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], html.escape(value), quote(value, safe=""), quote_plus(value)):
            text = text.replace(form, HIDDEN)
    return text


def without(raw: Path, target: Path, secret: Collection[str]) -> None:
    """The trace, cleared. Only its two tables of events remain: pages and pictures that a later version of Playwright adds do not slip through."""
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for name in source.namelist():
            if name.endswith((".trace", ".network")):
                lines = (json.dumps(_event(json.loads(line)), ensure_ascii=False) for line in source.read(name).decode().splitlines() if line)
                out.writestr(name, cleared("\n".join(lines) + "\n", secret))


def _event(event: dict[str, Any]) -> dict[str, Any]:
    if "snapshot" in event:
        snapshot = event["snapshot"]
        return {**event, "snapshot": {
            **{key: snapshot[key] for key in ("startedDateTime", "time", "_monotonicTime") if key in snapshot},
            "request": {**{key: snapshot["request"][key] for key in _OF_A_REQUEST}, "headers": [], "cookies": [], "queryString": []},
            "response": {**{key: snapshot["response"][key] for key in _OF_AN_ANSWER}, "headers": [], "cookies": [], "content": {}}}}
    told = {key: value for key, value in event.items() if key not in ("params", "result")}
    return {**told, "params": {key: event["params"][key] for key in _OF_A_STEP if key in event["params"]}} if "params" in event else told


def older(folder: Path, *, days: int, now: datetime) -> list[Path]:
    """Failures kept for more than so many days; what is not ours there is left out."""
    found = []
    for kept in sorted(folder.glob("*Z-*")):
        with suppress(ValueError):
            if datetime.strptime(kept.name.partition("-")[0], STAMP).replace(tzinfo=UTC) < now - timedelta(days=days):
                found.append(kept)
    return found


def prune(folder: Path, *, days: int, now: datetime) -> None:
    """Remove what is older than so many days, and what robots that are gone have left half done."""
    for aside in folder.glob(".*-*"):
        if re.fullmatch(r"\.\d+-\d+", aside.name) and _is_gone(int(aside.name[1:].partition("-")[0])):
            shutil.rmtree(aside, ignore_errors=True)
    for kept in older(folder, days=days, now=now):
        shutil.rmtree(kept, ignore_errors=True)         # by somebody else, too: a night and a robot may both be at it


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass                            # somebody else's, and there
    return False
