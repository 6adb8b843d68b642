"""What is published, and what was: the reading side of the published store.

    <published>/
      current      -> versions/2026-10-31.001       the one pointer; replacing it publishes, and nothing else does
      marts.duckdb -> current/marts.duckdb          stable names; they never change, they go through `current`,
      parquet      -> current/parquet               so that all of them turn to the new version in one rename
      manifest.json-> current/manifest.json
      flips.json                                    who turned `current` from what to what, when and why
      versions/2026-10-31.001/{marts.duckdb, parquet/<table>.parquet, manifest.json}         of large tables see parquet_files.py
      versions/.2026-11-01.001.tmp/                 a candidate: not yet a version

An open connection stays whole on the version it opened: a version's files are never written again. A process that wants
the newest version while it still holds an older one uses `connect`: DuckDB shares one instance per path and process, and the
stable name would give it the old one back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from flows.store.disk import PublishError

MARTS = "marts.duckdb"
PARQUET = "parquet"
MANIFEST = "manifest.json"
CURRENT = "current"
FLIPS = "flips.json"
VERSIONS = "versions"

_VERSION = re.compile(r"^\d{4}-\d{2}-\d{2}\.\d{3,}$")


@dataclass(frozen=True, kw_only=True)
class Flip:
    """One turn of `current`, written before it happens; see `flips` for how a turn that did not happen is told apart."""

    action: str                               # "publish" or "rollback"
    at: datetime
    left: str | None                          # what was current
    to: str
    who: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Version:
    """One published version. `withdrawn` is the rollback that left it, if one did."""

    name: str
    path: Path
    as_of: date
    built_at: datetime
    published_at: datetime
    code_revision: str
    tables: Mapping[str, Mapping[str, Any]]   # name -> {"rows": int, "checksum": str, "columns": int, "primary_key": [...], "personal": [...], "months": ...}
    size_bytes: int
    is_current: bool
    withdrawn: Flip | None = None
    manifest: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def marts(self) -> Path:
        return self.path / MARTS


def current_name(published: Path) -> str | None:
    """The name of the current version; None before the first publication."""
    try:
        return (published / CURRENT).readlink().name
    except FileNotFoundError:
        return None


def current(published: Path) -> Version | None:
    name = current_name(published)
    return None if name is None else _version(published, name, name, flips(published))


def version(published: Path, name: str) -> Version:
    """One version by name. Raises PublishError naming what is there."""
    if not _VERSION.match(name) or not (published / VERSIONS / name / MANIFEST).is_file():
        known = ", ".join(sorted(version_names(published))[-5:]) or "none yet"
        raise PublishError(f"there is no published version {name!r}; the newest are: {known}")
    return _version(published, name, current_name(published), flips(published))


def version_names(published: Path) -> list[str]:
    """Complete versions, oldest first. Candidates and leftovers are hidden folders and not among them."""
    folder = published / VERSIONS
    if not folder.is_dir():
        return []
    return sorted((entry.name for entry in folder.iterdir() if _VERSION.match(entry.name) and (entry / MANIFEST).is_file()), key=_order)


def list_versions(published: Path) -> list[Version]:
    """All versions on disk, oldest first."""
    now, turns = current_name(published), flips(published)
    return [_version(published, name, now, turns) for name in version_names(published)]


def next_version(published: Path, as_of: date) -> str:
    """'2026-10-31.001' for the first version of that day, then .002 ...; a number is not used again while anything remembers it."""
    seen = set(version_names(published))
    for flip in written_flips(published):
        seen |= {name for name in (flip.left, flip.to) if name}
    numbers = [int(name.rsplit(".", 1)[1]) for name in seen if name.startswith(f"{as_of:%Y-%m-%d}.")]
    return f"{as_of:%Y-%m-%d}.{max(numbers, default=0) + 1:03d}"


def flips(published: Path) -> list[Flip]:
    """The turns of `current` that really happened, oldest first.

    A turn is written down before the pointer moves, so a killed process may leave a turn that never happened. Each turn
    says what it left, as read from the pointer itself: a turn happened if the next one left what it led to, and the last one
    happened if `current` is where it led.
    """
    written = written_flips(published)
    after = [flip.left for flip in written[1:]] + [current_name(published)]
    return [flip for flip, then in zip(written, after, strict=False) if flip.to == then]


def connect(published: Path) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the version that is current now, whatever this process still holds open."""
    name = current_name(published)
    if name is None:
        raise PublishError(f"nothing is published in {published} yet: run the nightly flow first")
    return duckdb.connect(str(published / VERSIONS / name / MARTS), read_only=True)


def _order(name: str) -> tuple[str, int]:
    day, number = name.rsplit(".", 1)
    return day, int(number)


def lineage(turns: Sequence[Flip]) -> tuple[list[str], dict[str, Flip]]:
    """(the line of good versions ending in the current one, the withdrawn ones with the rollback that left them).

    Publishing adds to the line; rolling back takes off all that came after the version gone back to. So the version to go back to
    by default is the last but one, and it is never one that was already found bad.
    """
    line: list[str] = []
    withdrawn: dict[str, Flip] = {}
    for flip in turns:
        if flip.action == "rollback" and flip.to in line:
            while line[-1] != flip.to:
                withdrawn[line.pop()] = flip
        else:
            line.append(flip.to)
        withdrawn.pop(flip.to, None)
    return line, withdrawn


def _version(published: Path, name: str, current_version: str | None, turns: list[Flip]) -> Version:
    path = published / VERSIONS / name
    manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    return Version(
        name=name, path=path, as_of=date.fromisoformat(manifest["as_of"]), built_at=datetime.fromisoformat(manifest["built_at"]),
        published_at=datetime.fromisoformat(manifest["published_at"]), code_revision=manifest["code_revision"], tables=manifest["tables"],
        size_bytes=sum(entry.stat().st_size for entry in path.rglob("*") if entry.is_file()),
        is_current=name == current_version, withdrawn=lineage(turns)[1].get(name), manifest=manifest,
    )


def written_flips(published: Path) -> list[Flip]:
    """Every turn ever begun, whether it then happened or not."""
    path = published / FLIPS
    if not path.is_file():
        return []
    return [Flip(action=row["action"], at=datetime.fromisoformat(row["at"]), left=row["left"], to=row["to"], who=row["who"], why=row["why"])
            for row in json.loads(path.read_text(encoding="utf-8"))]
