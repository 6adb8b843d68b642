"""What a kind of source brings to the conformance suite: `subjects/<kind>.py` with a `running(tmp_path)` that yields a Subject.

A stand-in that starts nearly empty is best: the suite creates what it needs, and a history costs what its truth costs. Let pages be small (2 to 25
records), so that there are borders. Whatever a method does must be done the way the vendor does it: the same stamps, the same traces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Protocol

from connectors.stream import Connector, Json

FOLDER = Path(__file__).parent / "subjects"


class Subject(Protocol):
    """kind: the connector's. streams: every stream that it declares.

    safe_after: once the source's clock has moved this far behind a change, a read must show it (the cursor's lag and the source's own delay together).
    url: where the stand-in listens; '' when it does not speak HTTP (then no faults are put on the line).
    """

    kind: str
    streams: Sequence[str]
    safe_after: timedelta
    url: str

    def connect(self, *, url: str | None = None, memory: Callable[[str], Json] | None = None, now: Callable[[], datetime]) -> Connector:
        """A new connector, as a new process makes one; always of the same `name`. url: the proxy in front of the stand-in. Its waiting must cost no time.

        `now` is our clock, which may be a minute off the source's.
        """
        ...

    def now(self) -> datetime:
        """The source's clock. It stands until `advance`."""
        ...

    def advance(self, delta: timedelta) -> None: ...

    def create(self, stream: str, count: int) -> list[str]:
        """That many new records, all in one and the same instant; returns their landed keys. Where a stream's records only come with others (events,
        lines), those others are made or changed, and the keys of what came of it are returned. May move the clock by seconds where the vendor cannot
        serve so many ties. [] where nothing of the kind can be made."""
        ...

    def update(self, stream: str, key: str) -> None:
        """A change that the source stamps now. Of records that never change: another one of the same parent."""
        ...

    def remove(self, stream: str, key: str) -> bool:
        """Delete, archive or merge it, as the source has it; False where this stream has none of them."""
        ...

    def truth(self, stream: str) -> dict[str, Json]:
        """Landed key -> record, exactly as the API would show it now to someone who may see everything; what is deleted is absent."""
        ...

    # Optional; a subject that has them is asked for more:
    #
    #   late(stream) -> str                 creates a record that becomes visible only later, with an older stamp; returns its key, '' where there is none such
    #   drift(stream) -> None               adds a new field, a nested one and one of another type to records that exist, and stamps them as changed
    #   added: tuple[str, ...]              names of the fields that `drift` adds where all other records then show them empty, unstamped
    #   odd(stream, value) -> str           creates a record that carries this text or number in some free field; its key, '' where none can
    #   hollow(stream) -> bool              from now on the source gives this stream an empty page that is not the last; False where it never would
    #   skew: timedelta                     how far our clock may be off (default one minute); a connector's lag has to cover it


Running = Callable[[Path], AbstractContextManager[Subject]]


def subjects() -> Iterator[tuple[str, Running]]:
    """(kind, its `running`) of every module in subjects/."""
    for module in iter_modules([str(FOLDER)]):
        yield module.name, import_module(f"{__package__}.subjects.{module.name}").running
