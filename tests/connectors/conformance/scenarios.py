"""What is known to go wrong with connectors, each on purpose. A scenario lives with a fresh subject and ends with the verdict of every stream."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

from connectors.rest import Rest
from tests.connectors.conformance.proxy import FAULTS
from tests.connectors.conformance.suite import Bench, Verdict

Scenario = Callable[[Bench], Sequence[Verdict]]
A_FEW = 7                     # more than two pages of most subjects, less than three
LONG = timedelta(minutes=20)  # behind every lag
ODD = {
    "Chinese, Arabic, combining marks": "退货 – إرجاع – é", "emoji of four bytes": "📦🧾", "NUL": "a\0b", "control characters": "a\x01\x1f\u2028b",
    "quotes and breaks": "\"'\\,;\r\n\t", "nothing but spaces": "  ", "looks like a number": "00123", "before 1970": "1969-12-31T23:59:59Z",
    "a year of five digits": "+10000-01-01T00:00:00Z", "beyond 2^53": 2**53 + 1, "the largest of 64 bits": 2**63 - 1, "negative": -1, "a small fraction": 1e-9,
}
LARGE = "0123456789abcde\n" * (10 * 1024 * 1024 // 16)
ZONES = ("Europe/Berlin", "America/New_York")


def nothing_there(bench: Bench) -> Sequence[Verdict]:
    """The source as it is at first; what is empty lands nothing, and nothing fails."""
    bench.night()
    assert not bench.failures
    return bench.settle()


def ties_over_page_borders(bench: Bench) -> Sequence[Verdict]:
    """Many records in one instant, read; then some of them changed in one instant, and read."""
    keys = {stream: bench.subject.create(stream, A_FEW) for stream in bench.subject.streams}
    bench.subject.advance(LONG)
    bench.night()
    for stream, made in keys.items():
        for key in made[1::2]:
            _update(bench, stream, key)
    bench.subject.advance(LONG)
    bench.night()
    return bench.settle()


def moved_between_two_pages(bench: Bench) -> Sequence[Verdict]:
    """Behind every page the oldest record is changed, so that it moves to the end and everything behind it one place ahead."""
    made: dict[str, list[str]] = {}
    for _ in range(A_FEW):
        for stream in bench.subject.streams:
            made.setdefault(stream, []).extend(bench.subject.create(stream, 1))
        bench.subject.advance(timedelta(minutes=1))
    bench.subject.advance(LONG)

    def step(what: str) -> None:
        if what == "landed" and made[bench.being_read]:
            bench.subject.advance(timedelta(seconds=5))
            _update(bench, bench.being_read, made[bench.being_read].pop(0))

    bench.night(step)
    return bench.settle()


def made_and_removed_between_two_pages(bench: Bench) -> Sequence[Verdict]:
    made = {stream: bench.subject.create(stream, A_FEW) for stream in bench.subject.streams}
    bench.subject.advance(LONG)
    bench.night()

    def step(what: str) -> None:
        stream = bench.being_read
        if what == "landed" and made[stream]:
            bench.subject.advance(timedelta(seconds=1))
            _remove(bench, stream, made[stream].pop())
            bench.subject.create(stream, 1)
            if made[stream]:
                _remove(bench, stream, made[stream].pop(0))

    for stream in bench.subject.streams:
        bench.subject.create(stream, A_FEW)
    bench.subject.advance(LONG)
    bench.night(step)
    return bench.settle()


def gone(bench: Bench) -> Sequence[Verdict]:
    """Deleted before it was ever read, and afterwards; and one that was changed first."""
    made = {stream: bench.subject.create(stream, A_FEW) for stream in bench.subject.streams}
    for stream, keys in made.items():
        if keys:
            _remove(bench, stream, keys.pop())
    bench.subject.advance(LONG)
    bench.night()
    bench.subject.advance(timedelta(days=1))
    for stream, keys in made.items():
        if len(keys) > 2:
            _update(bench, stream, keys[0])
            _remove(bench, stream, keys[0])
            _remove(bench, stream, keys[2])
    bench.subject.advance(LONG)
    bench.night()
    return bench.settle()


def late_and_by_another_clock(bench: Bench) -> Sequence[Verdict]:
    """Records made right before and right behind each reading, some of which show themselves later with an older stamp; our clock is ahead or behind."""
    late: Callable[[str], str] = getattr(bench.subject, "late", lambda stream: "")
    unit: timedelta = getattr(bench.subject, "skew", timedelta(minutes=1))
    for direction in (1, -1, 1):
        bench.skew = direction * unit
        for _ in range(2):
            for stream in bench.subject.streams:
                bench.subject.create(stream, 2)
                late(stream)
            bench.night()
            for stream in bench.subject.streams:
                bench.subject.create(stream, 1)
            bench.subject.advance(timedelta(seconds=50))
    return bench.settle()


def dying_at_every_page(bench: Bench) -> Sequence[Verdict]:
    """By an exception that nothing catches: fetched and not landed, landed and nothing said; of a first night and of a second one."""
    for _ in range(2):
        for stream in bench.subject.streams:
            bench.subject.create(stream, A_FEW)
        bench.subject.advance(LONG)
        for stream in bench.subject.streams:
            bench.die_at_every_page(stream, bench.read_and_die)
    return bench.settle()


def killed_at_every_page(bench: Bench) -> Sequence[Verdict]:
    """By SIGKILL, in a process of its own each time."""
    for stream in bench.subject.streams:
        bench.subject.create(stream, A_FEW)
    bench.subject.advance(LONG)
    deaths = sum(bench.die_at_every_page(stream, bench.fork_and_die) for stream in bench.subject.streams)
    assert deaths >= 2 * sum(1 for stream in bench.subject.streams if bench.subject.truth(stream)), "every stream with records was killed on the way"
    return bench.settle()


def faults_on_the_line(bench: Bench) -> Sequence[Verdict]:
    """Every fault of proxy.py at every second request, night after night until each was met in the middle of reading; then storms of 429."""
    if bench.proxy is None:
        return bench.settle()
    left = [name for name in FAULTS if name != "stall"]
    for _ in range(12):
        for stream in bench.subject.streams:
            bench.subject.create(stream, 4)
        bench.subject.advance(LONG)
        bench.proxy.spoil({2 * number + 1: name for number, name in enumerate(left)})
        bench.night()
        left = [name for name in left if name not in bench.proxy.met]
        if not left or left == ["same page again"]:      # a source that never pages within a path has no page to give again
            break
    else:
        raise AssertionError(f"{left} were never met in 12 nights")
    for length in (5, 40):                               # one that patience outlasts, one that it does not
        for stream in bench.subject.streams:
            bench.subject.create(stream, 2)
        bench.subject.advance(LONG)
        bench.proxy.spoil(dict.fromkeys(range(1, length), "429"))
        bench.night()
    return bench.settle()


def answers_that_never_come(bench: Bench) -> Sequence[Verdict]:
    """A stall beyond the read time-out, which is made short for it."""
    if bench.proxy is None:
        return bench.settle()
    for stream in bench.subject.streams:
        bench.subject.create(stream, A_FEW)
    bench.subject.advance(LONG)
    patience = {**(Rest.__init__.__kwdefaults__ or {}), "timeout": (2.0, 0.5)}
    with mock.patch.object(Rest.__init__, "__kwdefaults__", patience):
        bench.proxy.spoil({1: "stall", 4: "stall", 9: "stall"})
        bench.night()
    assert "stall" in bench.proxy.met
    return bench.settle()


def odd_values(bench: Bench) -> Sequence[Verdict]:
    odd: Callable[[str, Any], str] = getattr(bench.subject, "odd", lambda stream, value: "")
    for stream in bench.subject.streams:
        for value in ODD.values():
            odd(stream, value)
    bench.subject.advance(LONG)
    bench.night()
    for stream in bench.subject.streams:
        if odd(stream, LARGE):
            break
    return bench.settle()


def drift(bench: Bench) -> Sequence[Verdict]:
    """Fields that are new, nested or of another type, between two nights and between two pages; and pages that are empty and not the last."""
    change: Callable[[str], Any] = getattr(bench.subject, "drift", lambda stream: None)
    hollow: Callable[[str], Any] = getattr(bench.subject, "hollow", lambda stream: False)
    for stream in bench.subject.streams:
        bench.subject.create(stream, A_FEW)
    bench.subject.advance(LONG)
    bench.night()
    for stream in bench.subject.streams:
        bench.subject.create(stream, A_FEW)
        change(stream)
        hollow(stream)
    bench.subject.advance(LONG)
    changed = set[str]()

    def step(what: str) -> None:
        if what == "landed" and bench.being_read not in changed:
            changed.add(bench.being_read)
            change(bench.being_read)

    bench.night(step)
    return bench.settle()


def the_hour_that_comes_twice_and_the_one_that_never_comes(bench: Bench) -> Sequence[Verdict]:
    """Changes and nights around the next changes of two zones' clocks, by a process that lives in each of them."""
    before = os.environ.get("TZ")
    try:
        for _, zone, change in sorted((_next_change(bench.subject.now(), zone), zone, _next_change(bench.subject.now(), zone)) for zone in ZONES):
            os.environ["TZ"] = zone
            time.tzset()
            bench.subject.advance(max(timedelta(0), change - timedelta(minutes=31) - bench.subject.now()))
            for _ in range(3):
                for stream in bench.subject.streams:
                    bench.subject.create(stream, 1)
                bench.subject.advance(timedelta(minutes=25))
                bench.night()
    finally:
        os.environ.pop("TZ", None) if before is None else os.environ.update(TZ=before)
        time.tzset()
    return bench.settle()


def _update(bench: Bench, stream: str, key: str) -> None:
    if key in bench.subject.truth(stream):      # the removal of one may have taken or renamed others
        bench.subject.update(stream, key)


def _remove(bench: Bench, stream: str, key: str) -> None:
    if key in bench.subject.truth(stream):
        bench.subject.remove(stream, key)


def _next_change(now: datetime, zone: str) -> datetime:
    """The next instant at which the zone's clocks are changed."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    offsets = [(hour + timedelta(hours=ahead), (hour + timedelta(hours=ahead)).astimezone(ZoneInfo(zone)).utcoffset()) for ahead in range(2, 24 * 250)]
    return next(at for (at, offset), (_, former) in zip(offsets[1:], offsets, strict=False) if offset != former).astimezone(UTC)


def nothing_new(bench: Bench) -> Sequence[Verdict]:
    """A night without changes says nothing that was not said before."""
    for stream in bench.subject.streams:
        bench.subject.create(stream, A_FEW)
    verdicts = bench.settle()
    bench.subject.advance(timedelta(days=2))
    bench.night()            # a promise that runs out meanwhile is news (Zendesk's breaches)
    said = {stream: bench.versions(stream) for stream in bench.subject.streams}
    bench.subject.advance(timedelta(days=1))
    bench.night()
    assert {stream: bench.versions(stream) for stream in bench.subject.streams} == said
    return verdicts


def what_the_landing_lost_is_found_and_comes_back(bench: Bench) -> Sequence[Verdict]:
    """A landed record is taken out of its file: the night's comparison names it, and no other; the next night reads it again. Before and after, all is there."""
    made: dict[str, list[str]] = {}
    for _ in range(2):
        for stream in bench.subject.streams:
            made.setdefault(stream, bench.subject.create(stream, A_FEW))
            bench.subject.create(stream, A_FEW)
        bench.subject.advance(timedelta(days=1))
        bench.night()
    compared = [name for name, stream in bench.streams.items() if stream.stamps]
    _nothing_is_missing(bench, compared)
    lost = {name: key for name in compared for key in made[name][:1] if key in bench.subject.truth(name)}
    for name, key in lost.items():
        bench.lose(name, key)
    bench.subject.advance(timedelta(days=1))
    bench.night()
    for name, key in lost.items():
        recent = bench.compare(name)[0]
        assert (recent.missing, recent.examples) == (1, (key,)), f"{name} lost {key}: {recent}"
        assert recent.figure is not None and recent.figure < 1
    bench.subject.advance(timedelta(days=1))
    bench.night()
    _nothing_is_missing(bench, compared)
    return bench.settle()


def _nothing_is_missing(bench: Bench, streams: Sequence[str]) -> None:
    for name in streams:
        for one in bench.compare(name):
            assert one.method == "keys", f"{name} was not compared: {one.reason}"
            assert (one.missing, one.superfluous, one.stale, one.figure) == (0, 0, 0, 1.0), str(one)
        there = len(bench.subject.truth(name))
        assert sum(one.rows_in_source or 0 for one in bench.compare(name)) or not there, f"{name} has {there} records and none was compared"


EVERY: Mapping[str, Scenario] = {
    scenario.__name__: scenario for scenario in (
        nothing_there, ties_over_page_borders, moved_between_two_pages, made_and_removed_between_two_pages, gone, late_and_by_another_clock,
        dying_at_every_page, killed_at_every_page, faults_on_the_line, odd_values, drift, the_hour_that_comes_twice_and_the_one_that_never_comes, nothing_new,
        what_the_landing_lost_is_found_and_comes_back)}
SLOW: Mapping[str, Scenario] = {answers_that_never_come.__name__: answers_that_never_come}
