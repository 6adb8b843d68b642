"""Random histories of a source and of the nights that read it, for Hypothesis: it finds a failing one and makes it as short as it can."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.connectors.conformance.proxy import MENDED_BY_ITSELF
from tests.connectors.conformance.subject import Running, Subject
from tests.connectors.conformance.suite import Bench, Killed, Verdict, bench, judged

SEED = int(os.environ.get("MERIDIAN_SEED") or random.SystemRandom().randrange(2**32))
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None      # a process's death needs no disk, and a history on one takes twice the time
SPANS = (0, 1, 30, 59, 61, 150, 3_600, 86_400)      # seconds: within a stamp, within the lag, behind it, a day
FAULTS = (*MENDED_BY_ITSELF, "token expired", "login page", "same page again", "empty object")


@dataclass(frozen=True, kw_only=True)
class Change:
    """At the source. stream and pick count through whatever there is, so they fit every subject. after: seconds that pass before."""

    what: str                      # create, update, remove, late, drift, hollow
    stream: int = 0
    pick: int = 0
    count: int = 1
    after: int = 0


@dataclass(frozen=True, kw_only=True)
class Night:
    """meanwhile: changes behind the n-th page of the night. deaths: (stage, number). faults: number of a request -> what becomes of its answer."""

    meanwhile: tuple[tuple[int, Change], ...] = ()
    deaths: tuple[tuple[str, int], ...] = ()
    faults: Mapping[int, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Day:
    changes: tuple[Change, ...]
    night: Night


@dataclass(frozen=True, kw_only=True)
class History:
    """skew: how far our clock is ahead of the source's, in units of what the connector must bear."""

    skew: int
    days: tuple[Day, ...]


def changes(*kinds: str) -> st.SearchStrategy[Change]:
    return st.builds(Change, what=st.sampled_from(kinds), stream=st.integers(0, 60), pick=st.integers(0, 30), count=st.integers(1, 4),
                     after=st.sampled_from(SPANS))


BY_DAY = changes("create", "create", "create", "update", "update", "remove", "late", "drift", "hollow")
BY_NIGHT = changes("create", "update", "update", "update", "remove", "late")
NIGHTS = st.builds(
    Night, meanwhile=st.lists(st.tuples(st.integers(1, 12), BY_NIGHT), max_size=5).map(tuple),
    deaths=st.lists(st.tuples(st.sampled_from(("fetched", "landed", "landed", "key")), st.integers(1, 12)), max_size=3, unique=True).map(tuple),
    faults=st.dictionaries(st.integers(0, 20), st.sampled_from(FAULTS), max_size=4))
DAYS = st.builds(Day, changes=st.lists(BY_DAY, min_size=2, max_size=8).map(tuple), night=NIGHTS)
HISTORIES = st.builds(History, skew=st.sampled_from((0, -1, 1)), days=st.lists(DAYS, min_size=1, max_size=3).map(tuple))


def change(subject: Subject, it: Change, *, being_read: str | None = None) -> None:
    """being_read: the stream that every second change of a night is made to: there it hurts."""
    subject.advance(timedelta(seconds=it.after))
    name = being_read if being_read and it.stream % 2 else subject.streams[it.stream // 2 % len(subject.streams)]
    optional: Callable[[str], Any] = getattr(subject, it.what, lambda stream: None)
    if it.what == "create":
        subject.create(name, it.count)
    elif it.what in ("update", "remove"):
        keys = sorted(subject.truth(name))
        if keys:
            getattr(subject, it.what)(name, keys[it.pick % len(keys)])
    elif it.what in ("late", "drift", "hollow"):
        optional(name)


def sleep_through(desk: Bench, night: Night) -> None:
    """One night with all that happens in it."""
    stages, deaths = Counter[str](), set(night.deaths)
    pending = sorted(night.meanwhile, key=lambda due: due[0])

    def step(what: str) -> None:
        stages[what] += 1
        while what == "landed" and pending and pending[0][0] <= stages[what]:
            change(desk.subject, pending.pop(0)[1], being_read=desk.being_read)
        if (what, stages[what]) in deaths:
            raise Killed

    if desk.proxy:
        desk.proxy.spoil(night.faults or {})
    desk.night(step)


def live(running: Running, folder: Path, history: History) -> list[Verdict]:
    """Lives the history with a fresh subject and returns the verdict of every stream."""
    with running(folder / "source") as subject:
        skew = history.skew * getattr(subject, "skew", timedelta(minutes=1))
        with bench(subject, folder / "meridian", skew=skew) as desk:
            for day in history.days:
                for it in day.changes:
                    change(subject, it)
                sleep_through(desk, day.night)
            return desk.settle()


def prove(running: Running, *, examples: int, number: int = SEED, shrinks: bool = True) -> Counter[str]:
    """Lives `examples` random histories; raises AssertionError for the first one whose verdict is not all zeros (the shortest that Hypothesis finds).

    Returns what was counted over all of them: rows in truth, landed, lost, doubled, stale, histories.
    """
    totals: Counter[str] = Counter()
    phases = (Phase.generate, Phase.shrink) if shrinks else (Phase.generate,)

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, print_blob=True, phases=phases, suppress_health_check=list(HealthCheck))
    @given(history=HISTORIES)
    def every_history(history: History) -> None:
        with TemporaryDirectory(dir=MEMORY) as folder:
            verdicts = live(running, Path(folder), history)
        totals["histories"] += 1
        for verdict in verdicts:
            totals.update(truth=verdict.truth, landed=verdict.landed, lost=len(verdict.lost), doubled=len(verdict.doubled), stale=len(verdict.stale))
        judged(verdicts)

    print(f"MERIDIAN_SEED={number}")
    every_history()
    return totals

