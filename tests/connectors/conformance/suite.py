"""The bench on which a connector is proven: real ingest, real ledger, real landing; and the verdict, worked out by replaying the landing."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.personal import KEEP_ALL
from connectors.stream import Connector, Json, Page, Stream, Window
from flows import ingest
from flows.reconcile import Bounds, reconcile_stream
from flows.store import landing as landings
from flows.store import ledger as ledgers
from flows.store.completeness import Comparison
from flows.store.packing import packed
from tests.connectors.conformance.proxy import Proxy, between, seen_through
from tests.connectors.conformance.subject import Subject
from tests.length import IS_DRILL

ATTEMPTS = 60      # a stream that has died or failed more often than a history can make it will never come to an end
SHOWN = 5
BOUNDED_DEATHS = 2      # at the first page of a stream, where this is no drill


class Killed(BaseException):
    """Nothing in the product catches this: as good as a SIGKILL, and a hundred times faster."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """lost: in the truth, and not in the landing. stale: landed, but saying something else than the truth, or gone from it.

    doubled: the same version of a record more than once in one batch that nothing interrupted.
    """

    kind: str
    stream: str
    truth: int
    landed: int
    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.stale)

    def __str__(self) -> str:
        named = ", ".join(f"{name} {list(keys[:SHOWN])}" for name, keys in (("lost", self.lost), ("doubled", self.doubled), ("stale", self.stale)) if keys)
        return (f"{self.kind}/{self.stream}: {self.truth} in truth, {self.landed} landed, {len(self.lost)} lost, {len(self.doubled)} doubled, "
                f"{len(self.stale)} stale" + (f" – {named}" if named else ""))


KILLED = "killed"
Step = Callable[[str], None]      # told of "fetched" before a page is landed and of "landed" behind it


class Watched:
    """A connector whose steps are told of, one by one. Deaths and changes at the source come in there."""

    def __init__(self, connector: Connector, step: Step) -> None:
        self._connector, self._step = connector, step
        self.name, self.kind = connector.name, connector.kind
        self.requests_made = connector.requests_made

    def streams(self) -> Sequence[Stream]:
        return self._connector.streams()

    def check(self) -> str:
        return self._connector.check()

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        for page in self._connector.read(stream, window, resume):
            self._step("fetched")
            yield page
            self._step("landed")

    def keys(self, stream: Stream) -> Iterator[str]:
        for key in self._connector.keys(stream):
            yield key
            self._step("key")

    def close(self) -> None:
        self._connector.close()


def _deadly(stage: str, number: int, death: Callable[[], None]) -> Step:
    counted = Counter[str]()

    def step(what: str) -> None:
        counted[what] += 1
        if what == stage and counted[what] == number:
            death()

    return step


@dataclass
class Bench:
    """One Meridian that reads one subject. skew: how far its clock is off the source's."""

    subject: Subject
    folder: Path
    proxy: Proxy | None = None
    skew: timedelta = timedelta(0)
    failures: list[str] = field(default_factory=list)
    being_read: str = ""
    _interrupted: set[tuple[str, str]] = field(default_factory=set)      # (stream, batch)

    def __post_init__(self) -> None:
        self.ledger = ledgers.open_ledger(str(self.folder / "ledger.sqlite"))
        first = self._connect(self._now)
        self.name, self.streams = first.name, {stream.name: stream for stream in first.streams()}
        first.close()
        assert set(self.streams) == set(self.subject.streams), "the subject names every stream that the connector declares"

    def _now(self) -> datetime:
        return self.subject.now() + self.skew

    def _connect(self, now: Callable[[], datetime], ledger: ledgers.Ledger | None = None) -> Connector:
        def memory(stream: str) -> Json:
            return ledgers.stream_state(ledger or self.ledger, self.name, stream, self.subject.kind).memory

        return self.subject.connect(url=self.proxy.url if self.proxy else None, memory=memory, now=now)

    # ---- nights

    def night(self, step: Step = lambda what: None, *, streams: Sequence[str] | None = None) -> None:
        """Reads every stream up to now, begun again after every death and every failure. Raises AssertionError for one that never comes to an end."""
        for name in streams or self.subject.streams:
            self.being_read = name
            for _ in range(ATTEMPTS):
                failure = self._attempt(name, step)
                if failure is None:
                    break
            else:
                raise AssertionError(f"{self.subject.kind}/{name} does not come to an end: {failure}")
        if self.proxy:
            self.proxy.spoil({})

    def _attempt(self, name: str, step: Step) -> str | None:
        """One process's try; what ended it before its time, or None."""
        connector = self._connect(self._now)
        try:
            failure = ingest.ingest_stream(Watched(connector, step), self.streams[name], self._store(self.ledger, self._now)).failure
            if failure is not None:
                self.failures.append(failure)
        except Killed:
            failure = KILLED
        finally:
            connector.close()
        if failure is not None:
            self._note_interruption(name)
            if self.proxy:
                self.proxy.mend()
        return failure

    def _store(self, ledger: ledgers.Ledger, clock: Callable[[], datetime]) -> ingest.Store:
        believe = frozenset(f"{self.name}/{stream}" for stream in self.streams)
        # what lands is compared with the truth, word by word
        return ingest.Store(landing=self.folder / "landing", ledger=ledger, clock=clock, believe=believe, policy=lambda source: KEEP_ALL)

    def _note_interruption(self, stream: str) -> None:
        reading = ledgers.current_reading(self.ledger, self.name, stream)
        if reading is not None:
            self._interrupted.add((stream, reading.batch))

    # ---- deaths

    def die_at_every_page(self, name: str, die: Callable[[str, str, int], bool]) -> int:
        """Reads a stream in as many processes as it takes: each dies at the next page, before it lands and behind it (but for a drill, at the first
        page). Returns how many died.

        Whoever finishes a reading that was left behind begins the next window at once, so there is always a page to die at: two windows are enough.
        """
        number, deaths, batches = 1, 0, set[str]()
        while (IS_DRILL or deaths < BOUNDED_DEATHS) and die(name, ("fetched", "landed")[deaths % 2], number):
            deaths += 1
            reading = ledgers.current_reading(self.ledger, self.name, name)
            if reading is not None:
                batches.add(reading.batch)
            if len(batches) > 2 or (number > 1 and len(batches) > 1):
                break
            if deaths % 2 == 0 and (reading is None or reading.position is None):     # it cannot go on from there, so the next one dies one page later
                number += 1
            self.subject.advance(timedelta(seconds=1))      # else the next window's batch could not be told from this one's
            assert deaths < 1000, f"{self.subject.kind}/{name} does not come to an end"
        return deaths

    def read_and_die(self, name: str, stage: str, number: int) -> bool:
        """Reads until the n-th `stage` of this try; False: it came to its end before."""
        def death() -> None:
            raise Killed

        self.being_read = name
        failure = self._attempt(name, _deadly(stage, number, death))
        assert failure in (None, KILLED), failure
        return failure is not None

    def fork_and_die(self, name: str, stage: str, number: int) -> bool:
        """The same with a process of its own and SIGKILL."""
        at = self._now()       # the child asks nothing of the subject, whose database belongs to this process
        self.ledger.dispose()
        child = os.fork()
        if child == 0:
            try:
                ledger = ledgers.open_ledger(str(self.folder / "ledger.sqlite"))
                connector = self._connect(lambda: at, ledger)
                step = _deadly(stage, number, lambda: os.kill(os.getpid(), signal.SIGKILL))
                failure = ingest.ingest_stream(Watched(connector, step), self.streams[name], self._store(ledger, lambda: at)).failure
                os._exit(0 if failure is None else 2)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        died = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        assert died or status == 0, f"{self.subject.kind}/{name}: the child process failed ({os.waitstatus_to_exitcode(status)})"
        self._note_interruption(name)
        return died

    # ---- losses, and what the nightly comparison says

    def lose(self, name: str, key: str) -> None:
        """Takes a landed record out of its files, as no reader ever would."""
        for batch in ledgers.list_batches(self.ledger, self.name, name):
            path = self.folder / "landing" / batch["path"]
            kept = [line for line in landings.read_lines(path) if line["key"] != key]
            path.write_bytes(packed(b"".join(landings.line(line["key"], line["ordinal"], line["record"]) for line in kept), "zst"))

    def compare(self, name: str, bounds: Bounds | None = None) -> list[Comparison]:
        """What a night would find of a stream that it has just read."""
        connector = self._connect(self._now)
        try:
            read = ingest.StreamResult(source=self.name, kind=self.subject.kind, stream=name, state="read")
            return reconcile_stream(connector, self.streams[name], self._store(self.ledger, self._now), day=self._now().date(), read=read,
                                    bounds=bounds or Bounds())
        finally:
            connector.close()

    # ---- the verdict

    def settle(self) -> list[Verdict]:
        """Lets the source's clock go on until everything must be visible, reads once more, and judges every stream; those whose deletes are found by a
        sweep every few days once more behind the next one."""
        self.subject.advance(self.subject.safe_after + 2 * abs(self.skew))
        self.night()
        verdicts = {name: self.verdict(name) for name in self.subject.streams}
        swept = {name: stream.sweep_every for name, stream in self.streams.items() if stream.deletes == "sweep"}
        if swept:
            self.subject.advance(timedelta(days=max(swept.values())))
            self.night(streams=list(swept))
            for name in swept:
                before = verdicts[name]
                there = self.subject.truth(name)
                late = {"lost": before.lost, "stale": tuple(key for key in before.stale if key in there)}
                verdicts[name] = replace(self.verdict(name), **{what: keys for what, keys in late.items() if keys})
        return list(verdicts.values())

    def verdict(self, name: str) -> Verdict:
        truth = {key: seen_through(self.proxy, self.subject.url, record) for key, record in self.subject.truth(name).items()}
        newest: dict[str, Any] = {}
        doubled: list[str] = []
        for batch, lines in self._landed(name):
            newest |= {line["key"]: line["record"] for line in lines}
            said = Counter((line["key"], landings.digest(line["record"])) for line in lines)
            if (name, batch) not in self._interrupted:
                doubled += [key for (key, _), times in said.items() if times > 1]
        alive = {key: record for key, record in newest.items() if record is not None}
        added = getattr(self.subject, "added", ())
        return Verdict(
            kind=self.subject.kind, stream=name, truth=len(truth), landed=len(alive), lost=tuple(sorted(truth.keys() - alive.keys())), doubled=tuple(doubled),
            stale=tuple(sorted({key for key, record in alive.items() if key not in truth or _told(truth[key], added) != _told(record, added)})))

    def versions(self, name: str) -> set[tuple[str, bytes]]:
        """Everything that was ever said of a stream."""
        return {(line["key"], landings.digest(line["record"])) for _, lines in self._landed(name) for line in lines}

    def _landed(self, name: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """(batch, its lines) in the order in which staging takes them in."""
        for batch in ledgers.list_batches(self.ledger, self.name, name):
            yield batch["batch"], list(landings.read_lines(self.folder / "landing" / batch["path"]))


def _told(record: Json, added: Sequence[str]) -> Json:
    """A record without those of the `added` fields that hold nothing: they appear in records that nobody touches, and move no stamp."""
    if not added or not isinstance(record, dict):
        return record
    return {name: _told(value, added) for name, value in record.items() if not (name in added and value is None)}


@contextmanager
def bench(subject: Subject, folder: Path, *, skew: timedelta = timedelta(0)) -> Iterator[Bench]:
    """A fresh Meridian for a subject, with a line in between that can be spoiled where it speaks HTTP."""
    folder.mkdir(parents=True, exist_ok=True)
    if not subject.url.startswith("http"):
        yield Bench(subject, folder, skew=skew)
        return
    with between(subject.url) as proxy:
        yield Bench(subject, folder, proxy, skew)


def judged(verdicts: Sequence[Verdict]) -> None:
    """Raises AssertionError that names those that are not 0, 0, 0."""
    wrong = [str(verdict) for verdict in verdicts if not verdict.is_clean]
    assert not wrong, "\n" + "\n".join(wrong)
