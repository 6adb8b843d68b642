"""What cannot be got again, in one file: the ledger, everything that landed, the current version, what the drop folder's connector keeps. And back.

    <file>.tar.zst      manifest.json   checksums of all that follows, who made it and when
                        ledger.jsonl    every row of every table, so that it goes back into SQLite or PostgreSQL alike
                        home/...        landing/, files/, published/ (the current version and its links)

The landing only grows and its files do not change, so the ledger is read first, in one transaction, and a night may go on meanwhile: what it lands then
is not in the backup. Secrets (`.env`) are not either: without the key that personal data was hashed with, nothing can be read on.
"""

from __future__ import annotations

import hashlib
import io
import json
import posixpath
import shutil
import tarfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sql
import zstandard

from flows.store.disk import sync
from flows.store.landing import checksum
from flows.store.ledger import Ledger, metadata
from flows.store.versions import CURRENT, FLIPS

PIECES = ("landing", "files", "published")
FORMAT = 1


class BackupError(Exception):
    """Nothing was backed up, or nothing was restored. The text says why and what to do."""


def write(home: Path, ledger: Ledger, target: Path, *, at: datetime) -> int:
    """Back up to `target`, whole or not at all; returns how many files it holds."""
    rows = list(_rows(ledger))
    landed = {f"landing/{row['row']['path']}": row["row"] for row in rows if row["table"] == "batches"}
    content = b"".join(json.dumps(row, default=str).encode() + b"\n" for row in rows)
    # What was left out because its file was lost or damaged is not missed here.
    kept = [name for name, row in landed.items() if row["verdict"] != "rejected" or (home / name).exists()]
    listed = sorted([*kept, *_files(home)])
    aside = target.with_name(target.name + ".part")
    try:
        sums = {"ledger.jsonl": hashlib.sha256(content).hexdigest()}
        sums |= {f"home/{name}": checksum(home / name) for name in listed if not (home / name).is_symlink()}
        if rotten := [name for name in kept if landed[name]["verdict"] != "rejected" and sums[f"home/{name}"] != landed[name]["sha256"]]:
            raise BackupError(f"{home / rotten[0]} is not what was landed: `meridian doctor --fix`, then again")
        manifest = json.dumps({"format": FORMAT, "made_at": at.isoformat(timespec="seconds"), "sums": sums}).encode()
        aside.unlink(missing_ok=True)
        aside.touch(mode=0o600)                  # the ledger has the links of messages
        with aside.open("wb") as file, zstandard.ZstdCompressor(level=3).stream_writer(file, closefd=False) as packed, \
                tarfile.open(fileobj=packed, mode="w|") as archive:
            for name, text in (("manifest.json", manifest), ("ledger.jsonl", content)):
                about = tarfile.TarInfo(name)
                about.size = len(text)
                archive.addfile(about, io.BytesIO(text))
            for name in listed:
                archive.add(home / name, arcname=f"home/{name}", recursive=False)
        sync(aside)
        aside.replace(target)
        sync(target.parent)
    except FileNotFoundError as error:
        raise BackupError(f"{error.filename} is not there though the ledger knows it: `meridian doctor --fix`, then again") from None
    finally:
        aside.unlink(missing_ok=True)
    return len(listed)


def _rows(ledger: Ledger) -> Iterator[dict[str, Any]]:
    with ledger.begin() as connection:
        for table in metadata.sorted_tables:
            if table.name != "leases":           # of processes that will not be there
                yield from ({"table": table.name, "row": dict(row)} for row in connection.execute(sql.select(table)).mappings())


def _files(home: Path) -> Iterator[str]:
    """Beside what landed."""
    yield from (str(path.relative_to(home)) for path in (home / "files").rglob("*") if path.is_file())
    published = home / "published"
    if (published / CURRENT).exists():
        yield from (f"published/{path.name}" for path in published.iterdir() if path.is_symlink() or path.name == FLIPS)
        yield from (str(path.relative_to(home)) for path in (published / CURRENT).resolve().rglob("*") if path.is_file())


# Python knows what may leave an archive since 3.11.4; Debian's has 3.11.2.
_FILTER: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def _plain(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Files, folders and links that stay below where they are unpacked, and nothing else. Raises TarError."""
    for member in archive:
        leads_to = posixpath.join(posixpath.dirname(member.name), member.linkname) if member.issym() else member.name
        is_known = member.isfile() or member.isdir() or member.issym()
        if not is_known or any(posixpath.normpath(path).startswith(("/", "..")) for path in (member.name, leads_to)):
            raise tarfile.TarError(f"{member.name} does not belong into a backup")
        yield member


def restore(home: Path, ledger: Ledger, source: Path) -> dict[str, Any]:
    """Put a backup back into an empty deployment; returns its manifest. Everything is unpacked and summed up before anything is put in its place, and the
    ledger comes last: killed before that, restoring again begins anew."""
    with ledger.begin() as connection:
        if connection.execute(sql.select(sql.func.count()).select_from(metadata.tables["batches"])).scalar():
            raise BackupError("this deployment has landed something: restore into one that is empty (another state.home and ledger)")
    aside = home / ".restoring"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        with source.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as packed, tarfile.open(fileobj=packed, mode="r|") as archive:
            archive.extractall(aside, members=_plain(archive), **_FILTER)          # noqa: S202 - _plain looks at each of them
        manifest: dict[str, Any] = json.loads((aside / "manifest.json").read_text(encoding="utf-8"))
        if not isinstance(manifest, dict) or not isinstance(manifest.get("sums"), dict) or "ledger.jsonl" not in manifest["sums"]:
            raise ValueError("its manifest names no checksums")
    except (tarfile.TarError, zstandard.ZstdError, OSError, ValueError) as error:
        shutil.rmtree(aside)
        raise BackupError(f"{source} is no whole backup: {error}") from None
    wrong = [name for name, told in manifest["sums"].items() if not (aside / name).is_file() or checksum(aside / name) != told]
    if wrong:
        shutil.rmtree(aside)
        raise BackupError(f"{source} is damaged: {', '.join(wrong[:3])}; use another backup")
    for piece in PIECES:
        if (aside / "home" / piece).exists():
            if (home / piece).exists():          # of a restoring that was killed, or of a deployment whose ledger was lost
                (home / piece).rename(_free(home / f"{piece}.before"))
            (aside / "home" / piece).rename(home / piece)
    sync(home)
    with ledger.begin() as connection, (aside / "ledger.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            told = json.loads(line)
            connection.execute(sql.insert(metadata.tables[told["table"]]).values(**told["row"]))
    shutil.rmtree(aside)
    return manifest


def _free(path: Path) -> Path:
    number = 1
    while path.with_name(f"{path.name}.{number}").exists():
        number += 1
    return path.with_name(f"{path.name}.{number}")
