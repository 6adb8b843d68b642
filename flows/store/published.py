"""Write – audit – publish: a version of the marts is visible whole or not at all.

    candidate = prepare(published, warehouse, version=..., tables=[...], ...)   # copied aside, nobody sees it
    ...checks read candidate.marts...
    publish(candidate, checks=[...], published_at=...)                          # or discard(candidate)

Publishing is one rename: that of the `current` link (see versions.py for the layout). A process killed anywhere leaves the old version
or the new one, and what it left lying is swept by the next `prepare`. Readers take no part: they hold files that are never
written again, so they neither wait nor make anybody wait.

Nothing here reads the clock; instants are passed in and aware.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from flows.store.candidate import Changed, Step, Table, no_step, write_tables
from flows.store.checksums import CHECKSUMS_BY, NAMES_OF_THE_BUILD
from flows.store.disk import FilesystemFull, link_whole, remove_tree, room_wanted, sync, sync_tree, take_lock, write_whole
from flows.store.versions import (
    CURRENT,
    FLIPS,
    MANIFEST,
    MARTS,
    PARQUET,
    VERSIONS,
    Flip,
    PublishError,
    Version,
    connect,
    current,
    current_name,
    flips,
    lineage,
    list_versions,
    next_version,
    version,
    version_names,
    written_flips,
)

__all__ = [
    "Candidate", "Changed", "FilesystemFull", "PublishError", "Table", "Version", "connect", "current", "current_name", "discard", "fetch_whole", "flips",
    "follow", "kept_here", "lineage", "list_versions", "next_version", "prepare", "prunable", "prune", "publish", "rollback", "version", "version_names",
]


Keep = Callable[[str, Path], Callable[[Flip], None]]


def kept_here(name: str, path: Path) -> Callable[[Flip], None]:
    """Where this disk is all there is, nobody else is to be told."""
    return lambda flip: None


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A version that nobody sees yet. Exactly the files that are checked are the files that are published.

    _lock keeps a second builder out (the kernel lets go of it when this process dies); publish and discard let go of it.
    """

    published: Path
    version: str
    path: Path
    manifest: Mapping[str, Any]
    _lock: IO[bytes] = field(repr=False, compare=False)

    @property
    def marts(self) -> Path:
        return self.path / MARTS


def prepare(
    published: Path, warehouse: Path, *, version: str, as_of: date, built_at: datetime, tables: Sequence[Table], code_revision: str = "",
    sources: Sequence[Mapping[str, Any]] = (), step: Step = no_step,
) -> Candidate:
    """Copy `tables` out of the private warehouse into a candidate beside the published versions.

    built_at: aware instant of the run. sources: JSON-able states of the sources, as they go into the manifest. The warehouse is
    opened read-only; whoever built it must have closed it. Raises FilesystemFull, or PublishError when a table is missing or another builder is at it.
    """
    if built_at.tzinfo is None:
        raise ValueError("built_at must say its time zone")
    versions = published / VERSIONS
    versions.mkdir(parents=True, exist_ok=True)
    lock = take_lock(published / ".build.lock", wait=False)
    try:
        sweep_leftovers(published)
        step("swept")
        if (versions / version).exists():
            raise PublishError(f"version {version} is already published; a version is never written twice, ask next_version() for a new name")
        path = versions / f".{version}.tmp"
        with room_wanted(published):
            (path / PARQUET).mkdir(parents=True)
            described, whole_bytes = write_tables(path, warehouse, before=current(published), version=version, as_of=as_of, built_at=built_at, tables=tables,
                                                  code_revision=code_revision, sources=sources, step=step)
            sync_tree(path)
        step("synced")
    except BaseException:
        remove_tree(versions / f".{version}.tmp")
        lock.close()
        raise
    manifest = {"version": version, "as_of": as_of.isoformat(), "built_at": built_at.isoformat(), "code_revision": code_revision,
                "tables": described, "checksums_leave_out": sorted(NAMES_OF_THE_BUILD), "checksums_by": CHECKSUMS_BY,
                "bytes_when_written_whole": whole_bytes, "sources": [dict(source) for source in sources]}
    return Candidate(published=published, version=version, path=path, manifest=manifest, _lock=lock)


def publish(candidate: Candidate, *, checks: Sequence[Mapping[str, Any]], published_at: datetime, who: str = "nightly", why: str = "",
            step: Step = no_step, keep: Keep = kept_here) -> Version:
    """Turn `current` to the candidate. checks: JSON-able results, kept in the manifest; whether they allow publication is the caller's decision.

    keep: called with the finished candidate; what it returns is called with the turn before it happens here, and may refuse it by raising.
    """
    published, name = candidate.published, candidate.version
    try:
        manifest = {**candidate.manifest, "published_at": published_at.isoformat(), "checks": [dict(check) for check in checks]}
        with room_wanted(published):
            write_whole(candidate.path / MANIFEST, manifest)
            for file in candidate.path.rglob("*"):
                if file.is_file():      # a BI tool that opens for writing by default is refused instead of leaving a log beside the file
                    file.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
            step("manifest written")
            admit = keep(name, candidate.path)
        with room_wanted(published), _flipping(published):
            flip = Flip(action="publish", at=published_at, left=current_name(published), to=name, who=who, why=why)
            admit(flip)
            _write_down(published, flip, step)
            candidate.path.rename(published / VERSIONS / name)
            sync(published / VERSIONS)
            step("renamed")
            _turn(published, name, step)
    except BaseException:
        if current_name(published) != name:
            remove_tree(published / VERSIONS / name)
        discard(candidate)
        raise
    candidate._lock.close()
    return version(published, name)


def discard(candidate: Candidate) -> None:
    """Throw the candidate away; what is published stays."""
    remove_tree(candidate.path)
    candidate._lock.close()


def rollback(published: Path, *, to: str | None = None, who: str, why: str, at: datetime, step: Step = no_step,
             admit: Callable[[Flip], None] = lambda flip: None) -> Version:
    """Make an older version current again: `to`, or the last good one before the current. The version left is marked withdrawn. admit: see publish."""
    with room_wanted(published), _flipping(published):
        now = current_name(published)
        if now is None:
            raise PublishError(f"nothing is published in {published} yet, so there is nothing to go back to")
        if to is None:
            line = [name for name in lineage(flips(published))[0] if name in version_names(published)]
            if len(line) < 2:
                raise PublishError(f"there is no version before {now} to go back to; `meridian publish list` shows what is kept")
            to = line[-2]
        target = version(published, to)
        if target.is_current:
            raise PublishError(f"{to} is already the current version")
        flip = Flip(action="rollback", at=at, left=now, to=to, who=who, why=why)
        admit(flip)
        _write_down(published, flip, step)
        _turn(published, to, step)
    return version(published, to)


def follow(published: Path, turns: Sequence[Flip], fetch: Callable[[str, Path], None]) -> str:
    """Turn `current` to where the last of `turns` (of all hosts, oldest first) led; says which version that is.

    fetch: called with a version's name and a folder to fill, where it is not here yet. Readers see it whole or not at all.
    """
    to = turns[-1].to
    fetch_whole(published, to, fetch)
    with _flipping(published):
        if written_flips(published) != list(turns):
            write_whole(published / FLIPS, [{**asdict(turn), "at": turn.at.isoformat()} for turn in turns])
        if current_name(published) != to:
            _turn(published, to, no_step)
    return to


def fetch_whole(published: Path, name: str, fetch: Callable[[str, Path], None]) -> None:
    """Have a version here, whole or not at all."""
    versions = published / VERSIONS
    versions.mkdir(parents=True, exist_ok=True)
    with take_lock(published / ".fetch.lock", wait=True):
        for left in versions.glob(".*.fetch"):          # of a fetching that was killed
            remove_tree(left)
        if name not in version_names(published):
            aside = versions / f".{name}.fetch"
            with room_wanted(published):
                fetch(name, aside)
                sync_tree(aside)
            aside.rename(versions / name)
            sync(versions)


def prunable(published: Path, *, keep_days: int, now: datetime) -> list[Version]:
    """Versions published more than keep_days before `now`, without the current one and the one a rollback would take."""
    line = [name for name in lineage(flips(published))[0] if name in version_names(published)]
    kept = {*line[-2:], current_name(published)}
    return [old for old in list_versions(published) if old.name not in kept and old.published_at < now - timedelta(days=keep_days)]


def prune(published: Path, *, keep_days: int, now: datetime, step: Step = no_step) -> list[str]:
    """Delete the versions that `prunable` names; returns their names.

    Readers that hold a deleted version's file open read on; the room is free once they let go.
    """
    gone: list[str] = []
    with _flipping(published):
        for old in prunable(published, keep_days=keep_days, now=now):
            hidden = old.path.with_name(f".{old.name}.gone")     # first out of the list in one act, then file by file
            old.path.rename(hidden)
            step("hidden")
            remove_tree(hidden)
            step("removed")
            gone.append(old.name)
    return gone


def sweep_leftovers(published: Path) -> None:
    """Remove what killed runs left: candidates, half-deleted versions, unfinished links. Only with the build lock in hand."""
    for entry in (published / VERSIONS).glob(".*"):
        if entry.name.endswith((".tmp", ".gone")):
            remove_tree(entry)
    with _flipping(published):
        for entry in published.glob(".*.new"):
            entry.unlink(missing_ok=True)
        # a version that was written down and put into its place, but never became current: nobody was told of it, its run starts anew
        known = {name for flip in flips(published) for name in (flip.left, flip.to)} | {current_name(published)}
        for flip in written_flips(published):
            if flip.to not in known:
                remove_tree(published / VERSIONS / flip.to)


def _write_down(published: Path, flip: Flip, step: Step) -> None:
    """Keep who turned what to what, before it happens; `versions.flips` can tell when it then did not happen."""
    turns = [*written_flips(published), flip]
    write_whole(published / FLIPS, [{**asdict(turn), "at": turn.at.isoformat()} for turn in turns])
    step("turn written down")


def _turn(published: Path, to: str, step: Step) -> None:
    """The one act that publishes: the rename of the `current` link."""
    for name in (MARTS, PARQUET, MANIFEST):
        link = published / name
        if not link.is_symlink() or str(link.readlink()) != f"{CURRENT}/{name}":
            link_whole(link, f"{CURRENT}/{name}")
    step("names in place")
    link_whole(published / CURRENT, f"{VERSIONS}/{to}")
    step("turned")
    # left by a tool that opened the stable name for writing; it belongs to a version that this name no longer leads to
    (published / f"{MARTS}.wal").unlink(missing_ok=True)


@contextmanager
def _flipping(published: Path) -> Iterator[None]:
    """Turns of the pointer one after the other. Held for milliseconds, and never while checks run: a rollback need not wait for a night's build."""
    published.mkdir(parents=True, exist_ok=True)
    lock = take_lock(published / ".flip.lock", wait=True)
    try:
        yield
    finally:
        lock.close()
