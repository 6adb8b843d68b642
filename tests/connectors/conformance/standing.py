"""A real server as a subject: nobody changes it, so only what reading itself may lose or double is proven – at its full size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from connectors.stream import Connector, Json, Stream, Window, landed_key
from flows.reconcile import Bounds
from tests.connectors.conformance.proxy import FAULTS
from tests.connectors.conformance.suite import Bench, Verdict, bench

EVERYTHING = Bounds(recent=timedelta(days=3650), requests=10_000)


@dataclass
class Standing:
    """open: a connector to an address, with small pages. keys: what a stream holds, told by someone else than the API."""

    kind: str
    url: str
    open: Callable[[str], Connector]
    keys: Callable[[str], Sequence[str]]
    clock: datetime
    safe_after: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        self._connector = self.open(self.url)
        self.declared: Mapping[str, Stream] = {stream.name: stream for stream in self._connector.streams()}
        self.streams = tuple(self.declared)

    def connect(self, *, url: str | None = None, memory: Callable[[str], Json] | None = None, now: Callable[[], datetime]) -> Connector:
        return self.open(url or self.url)

    def now(self) -> datetime:
        return self.clock

    def advance(self, delta: timedelta) -> None:
        """The server's clock goes its own way; ours is all that moves."""
        self.clock += delta

    def create(self, stream: str, count: int) -> list[str]:
        return []

    def update(self, stream: str, key: str) -> None:
        raise NotImplementedError("nobody changes it")

    def remove(self, stream: str, key: str) -> bool:
        return False

    def truth(self, stream: str) -> dict[str, Json]:
        """The keys as told; what each holds as one undisturbed read says."""
        declared, window = self.declared[stream], Window(start=None, end=self.clock)
        said = {landed_key(declared, record): record for page in self._connector.read(declared, window) for record in page.records}
        return {key: said.get(key) for key in self.keys(stream)}


def proved(subject: Standing, folder: Path, *, mortal: Sequence[str]) -> list[Verdict]:
    """Reads `mortal` streams dying at every page and all of them over a bad line, twice; compares; returns every stream's verdict."""
    with bench(subject, folder) as desk:
        for stream in mortal:
            desk.die_at_every_page(stream, desk.read_and_die)
        for _ in range(2):
            if desk.proxy:
                desk.proxy.spoil({3 * number + 1: name for number, name in enumerate(FAULTS) if name != "stall"})
            desk.night()
            subject.advance(timedelta(days=1))
        _compared(desk, subject)
        return desk.settle()


def _compared(desk: Bench, subject: Standing) -> None:
    """The nightly comparison lists every record that was landed; of each stream one is taken out of its file, found, and read again."""
    lost: dict[str, str] = {}
    for name in (name for name, stream in desk.streams.items() if stream.stamps):
        for one in desk.compare(name, EVERYTHING):
            assert one.method == "keys" and not (one.missing or one.superfluous or one.stale), f"{one.stream}: {one}"
            assert one.rows_in_source == len(subject.keys(name)), f"{one.stream}: {one}"
        if there := sorted(subject.keys(name)):
            lost[name] = there[len(there) // 2]
            desk.lose(name, lost[name])
            (found,) = desk.compare(name, EVERYTHING)
            assert (found.missing, found.examples) == (1, (lost[name],)), f"{name} lost {lost[name]}: {found}"
    assert lost
    subject.advance(timedelta(days=1))
    desk.night(streams=list(lost))
    for name in lost:
        assert desk.compare(name, EVERYTHING)[0].figure == 1.0, name
