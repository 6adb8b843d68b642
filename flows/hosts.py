"""Many machines: what this host gives to the store that all of them reach, and what it brings from there.

Every host works on its own disk, as the only one does. What it seals goes to the store before the ledger knows of it, so whatever the ledger knows
another host can bring: the batches before it reads or builds, the current version before it looks at it. Without [state] store nothing here does anything.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import stat
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from flows.settings import ConfigurationError, Settings
from flows.store import expired, landing, published, shared, turns
from flows.store import ledger as ledgers
from flows.store.disk import write_whole
from flows.store.refused import StoreError
from flows.store.shared import Shared
from flows.store.versions import MANIFEST, Flip

AT_ONCE = 4         # files on their way


def store_of(settings: Settings) -> Shared | None:
    """The store of this deployment; None: this disk is all there is. Raises ConfigurationError where a key is not set."""
    state = settings.configuration.state
    if state.store is None:
        return None
    keys = {}
    for option, variable in state.store_secrets.items():
        if not (value := settings.secrets.get(variable)):
            raise ConfigurationError(f"state.store_secrets.{option}: {variable} is not set: put it into {settings.path.parent / '.env'}")
        keys[option] = value
    options: dict[str, Any] = dict(state.store_options)
    if endpoint := options.pop("endpoint_url", None):           # under this name with boto; s3fs takes it so, too
        options["endpoint_url"] = endpoint
    return Shared(url=state.store, options={**options, **keys})


def disk_of(settings: Settings) -> str | None:
    """Tells this disk from those of other hosts, and goes where it goes. None: there is no other."""
    if settings.configuration.state.store is None:
        return None
    path = settings.landing / ".disk"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, secrets.token_hex(8))
    return path.read_text(encoding="utf-8").strip()


def keep_batch(settings: Settings) -> Callable[[landing.Place, str], None]:
    """What reading calls with a sealed batch, before the ledger knows of it. Raises StoreError."""
    store = store_of(settings)

    def keep(where: landing.Place, sha256: str) -> None:
        if store is not None:
            _keep_keys(settings, store, where.source, where.stream)
            shared.put(store, shared.named(f"landing/{where.relative}", sha256), where.final, sha256)

    return keep


def _keep_keys(settings: Settings, store: Shared, source: str, stream: str) -> None:
    """What the drop folder's connector has to know on every host: without the keys of a file's former content what is gone from it cannot be told."""
    here = sorted((settings.home / "files" / source / stream).glob("*.keys"))
    there = shared.names(store, f"files/{source}/{stream}") if here else set()
    for path in here:
        sha256 = landing.checksum(path)
        key = shared.named(f"files/{source}/{stream}/{path.name}", sha256)
        if key not in there:
            shared.put(store, key, path, sha256)


def begin(settings: Settings, ledger: ledgers.Ledger) -> None:
    """Before a night or a backfill reads, with its lease in hand: this host has what the ledger knows of. Raises StoreError."""
    store = store_of(settings)
    if store is None:
        return
    if not turns.turned(ledger):
        share(settings, ledger)         # a deployment that was one machine's until now
    bring_current(settings, ledger)
    for source in settings.configuration.sources:
        bring_keys(settings, source)
    bring_batches(settings, ledger)


def bring_keys(settings: Settings, source: str) -> None:
    """See _keep_keys."""
    if (store := store_of(settings)) is None or settings.configuration.sources[source].kind != "files":
        return
    for key in shared.names(store, f"files/{source}"):
        name, _, sha256 = key.removeprefix("files/").rpartition(".")
        if not (path := settings.home / "files" / name).exists():
            shared.fetch(store, key, path, sha256, else_do="drop the files again under other names, or run on the host that read them")


def bring_batches(settings: Settings, ledger: ledgers.Ledger, source: str | None = None) -> int:
    """Fetch what another host has landed (of this source); how many batches that were. Raises StoreError that names the first one that cannot be had."""
    store = store_of(settings)
    if store is None:
        return 0
    counting = [row for row in ledgers.list_batches(ledger, source) if row["verdict"] != "rejected"]
    missing = [row for row in counting if not _is_here(settings.landing / row["path"], row["size"])]

    def bring(row: dict[str, Any]) -> None:
        name = " ".join((row["source"], row["stream"], row["batch"]))
        shared.fetch(store, shared.named(f"landing/{row['path']}", row["sha256"]), settings.landing / row["path"], row["sha256"], else_do=(
            "on a host that still has it run `meridian publish share`; where none has, "
            f"`meridian batch reject {name}`: the next night reads its window again"))

    _all_of(bring, missing)
    return len(missing)


def _is_here(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def bring_current(settings: Settings, ledger: ledgers.Ledger) -> str | None:
    """Turn this host's `current` to what is current for all; says what that is, None before the first. Raises StoreError."""
    if store_of(settings) is None:
        return published.current_name(settings.published)
    line = turns.turned(ledger)
    return published.follow(settings.published, line, partial(_fetch_version, settings, ledger)) if line else None


def bring_current_if_it_can_be(settings: Settings, ledger: ledgers.Ledger, say: Callable[[str], object]) -> None:
    """For who has something else to do as well: a store that is gone keeps no message from being delivered."""
    try:
        bring_current(settings, ledger)
    except StoreError as error:
        say(f"this host may have an older version than is current: {error}")


def _fetch_version(settings: Settings, ledger: ledgers.Ledger, name: str, folder: Path) -> None:
    store, found = store_of(settings), turns.placed(ledger).get(name)
    assert store is not None
    if found is None:
        raise StoreError(f"version {name} is not in the store any more: `meridian publish list` shows what is kept")

    def bring(file: tuple[str, str]) -> None:
        path = folder / file[0]
        shared.fetch(store, f"{found.place}/{file[0]}", path, file[1], else_do="`meridian publish rollback` to another version, or run a night")
        path.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)

    _all_of(bring, found.files.items())


def keep_version(settings: Settings, ledger: ledgers.Ledger) -> published.Keep:
    """What publishing calls with a finished candidate: it is in the store whole before the ledger makes it current. Raises StoreError, PublishError."""
    store = store_of(settings)
    return published.kept_here if store is None else partial(_keep_version, store, ledger)


def _keep_version(store: Shared, ledger: ledgers.Ledger, name: str, path: Path) -> Callable[[Flip], None]:
    placed = _upload(store, name, path)
    return lambda flip: turns.turn(ledger, flip, placed)


def _upload(store: Shared, name: str, path: Path) -> turns.Placed:
    files = {file.relative_to(path).as_posix(): landing.checksum(file) for file in sorted(path.rglob("*")) if file.is_file()}
    place = shared.named(f"versions/{name}", hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest())
    _all_of(lambda file: shared.put(store, f"{place}/{file}", path / file, files[file]), [file for file in files if file != MANIFEST])
    shared.put(store, f"{place}/{MANIFEST}", path / MANIFEST, files[MANIFEST])
    return turns.Placed(version=name, place=place, files=files)


def rollback(settings: Settings, ledger: ledgers.Ledger, *, to: str | None, who: str, why: str) -> published.Version:
    """For all hosts. Raises PublishError, StoreError."""
    if store_of(settings) is None:
        return published.rollback(settings.published, to=to, who=who, why=why, at=settings.clock())
    bring_current(settings, ledger)
    good = published.lineage(turns.turned(ledger))[0]
    wanted = to or (good[-2] if len(good) > 1 else None)
    if wanted in turns.placed(ledger) and wanted not in published.version_names(settings.published):
        published.fetch_whole(settings.published, wanted, partial(_fetch_version, settings, ledger))
    return published.rollback(settings.published, to=to, who=who, why=why, at=settings.clock(), admit=lambda flip: turns.turn(ledger, flip))


def share(settings: Settings, ledger: ledgers.Ledger) -> int:
    """Put there what the ledger knows, this disk has and the store lacks; how many files that were. Raises StoreError."""
    if (store := store_of(settings)) is None:
        return 0
    lacking = missing_of(settings, ledger, store)
    here = [row for row in lacking if _is_here(path := settings.landing / row["path"], row["size"]) and landing.checksum(path) == row["sha256"]]
    _all_of(lambda row: shared.put(store, shared.named(f"landing/{row['path']}", row["sha256"]), settings.landing / row["path"], row["sha256"]), here)
    for folder in sorted({path.parent for path in (settings.home / "files").glob("*/*/*.keys")}):
        _keep_keys(settings, store, folder.parent.name, folder.name)
    current = published.current(settings.published)
    if current is not None and not turns.turned(ledger):
        turns.adopt(ledger, published.flips(settings.published), _upload(store, current.name, current.path))
    return len(here)


def missing_of(settings: Settings, ledger: ledgers.Ledger, store: Shared) -> list[dict[str, Any]]:
    """Batches that the ledger knows and the store lacks."""
    there = shared.names(store, "landing")
    return [row for row in ledgers.list_batches(ledger) if row["verdict"] != "rejected" and shared.named(f"landing/{row['path']}", row["sha256"]) not in there]


def prune(settings: Settings, ledger: ledgers.Ledger, *, versions_days: int, now: datetime) -> None:
    """With the lease of the night in hand: what is older than it may be goes from the store, and what hosts that lost it have left there."""
    if (store := store_of(settings)) is None:
        return
    turns.forget_old(ledger, keep_days=versions_days, now=now)
    kept = {found.place for found in turns.placed(ledger).values()}
    shared.remove(store, {key for key in shared.names(store, "versions") if "/".join(key.split("/")[:2]) not in kept})
    days = settings.configuration.retention.rejected_days
    if old := expired.rejected_batches(ledger, now - timedelta(days=days)):
        gone = {shared.named(f"landing/{row['path']}", row["sha256"]) for row in old}
        shared.remove(store, gone & shared.names(store, "landing"))


def _all_of(act: Callable[[Any], None], things: Iterable[Any]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(act, thing) for thing in things]:
            done.result()
