"""Doctor: look at everything a night needs and say, for what is wrong, how to mend it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import requests
from packaging.requirements import Requirement

from flows import automations_health, channels, disk_use, healing, hosts, lineage, postgres, secret_files, sources, up
from flows.alerting import links
from flows.settings import PROJECT, ConfigurationError, Settings
from flows.store import ledger as ledgers
from flows.store import published, shared
from flows.store.refused import LedgerUnreachable, StoreError

LEAST_FREE_BYTES = 2_000_000_000


@dataclass(frozen=True, kw_only=True)
class Finding:
    subject: str
    is_well: bool
    detail: str
    mend: str = ""
    fix: Callable[[], str] | None = None      # what `--fix` does


def mended(finding: Finding) -> tuple[bool, str]:
    """Whether `--fix` could do it, and what it says. What cannot be mended just now keeps nothing else from being."""
    if finding.fix is None:
        return False, finding.mend
    try:
        return True, finding.fix()
    except Exception as error:
        return False, f"could not be mended ({type(error).__name__}: {error}); {finding.mend}"


def examine(settings: Settings) -> list[Finding]:
    """One finding for each thing looked at. Asks every source and target one or two questions, and no channel any: what it would be asked is a message."""
    return [*_versions(), *_folders(settings), *_secrets(settings), *_state(settings), *_postgres(settings), *_prefect(settings), *_ailments(settings),
            *_lineage(settings), *_sources(settings), *_channels(settings), *_automations(settings)]


def _versions() -> Iterator[Finding]:
    known = sys.version_info >= (3, 11)
    yield Finding(subject="Python", is_well=known, detail=sys.version.split()[0], mend="Meridian needs Python 3.11 or later")
    wrong = []
    for line in (PROJECT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if "==" not in line or line.startswith((" ", "#")):
            continue
        locked = Requirement(line.rstrip(" \\"))
        if locked.marker is not None and not locked.marker.evaluate():
            continue                  # for another platform or another Python
        found = _version_of(locked.name)
        if found is None or not locked.specifier.contains(found, prereleases=True):
            wrong.append(f"{locked.name} is {found or 'missing'}, not {str(locked.specifier).lstrip('=')}")
    yield Finding(subject="packages", is_well=not wrong, detail="; ".join(wrong[:5]) or "as in requirements.lock", mend="run `make install`")


def _version_of(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _folders(settings: Settings) -> Iterator[Finding]:
    probe = settings.home / ".doctor"
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        yield Finding(subject="home", is_well=False, detail=f"{settings.home}: {error.strerror}", mend="make it a folder that this user may write")
        return
    free = shutil.disk_usage(settings.home).free
    yield Finding(
        subject="disk", is_well=free >= LEAST_FREE_BYTES, detail=f"{free / 1e9:.1f} GB free at {settings.home}",
        mend=f"a night wants {LEAST_FREE_BYTES / 1e9:.0f} GB; free some; `meridian prune --dry-run` says what [retention] in {settings.path} lets go")


def _secrets(settings: Settings) -> Iterator[Finding]:
    open_ones = secret_files.too_open(settings)
    named = ", ".join(str(path) for path, _ in open_ones[:5]) + (f" and {len(open_ones) - 5} more" if len(open_ones) > 5 else "")
    yield Finding(
        subject="secrets", is_well=not open_ones, detail=f"others on this machine can read {named}" if open_ones else "nobody else may read them",
        mend="; ".join(f"chmod {mode:o} {path}" for path, mode in open_ones[:5]) + " (--fix does it)", fix=(lambda: _close(open_ones)) if open_ones else None)


def _close(paths: list[tuple[Path, int]]) -> str:
    for path, mode in paths:
        path.chmod(mode)
    return f"{len(paths)} closed"


def _lineage(settings: Settings) -> Iterator[Finding]:
    if not settings.configuration.lineage.is_wanted:
        return
    waits = lineage.waiting(settings)
    yield Finding(subject="lineage", is_well=not waits, detail=f"{waits} events wait for the collector" if waits else "every event is with the collector",
                  mend=f"see [lineage] in {settings.path}; every night tries again, for {lineage.KEPT.days} days")


def _state(settings: Settings) -> Iterator[Finding]:
    try:
        nights = ledgers.list_nights(ledgers.open_ledger(settings.ledger), limit=1)
    except (LedgerUnreachable, ConfigurationError) as error:
        yield Finding(subject="ledger", is_well=False, detail=str(error), mend=f"look at [state] in {settings.path}, and at its database")
        return
    except Exception as error:
        yield Finding(subject="ledger", is_well=False, detail=f"cannot be opened: {type(error).__name__}", mend=f"look at state.ledger in {settings.path}")
        return
    yield Finding(subject="ledger", is_well=True, detail=f"last night {nights[0]['state']}" if nights else "no night has run yet")
    yield from _store(settings)
    if uses := disk_use.earlier(ledgers.open_ledger(settings.ledger)):
        found = disk_use.forecast(uses)
        largest = max(found.growth, key=lambda room: (found.growth or {})[room], default="") if found.growth else ""
        yield Finding(subject="disk forecast", is_well=not found.is_near, detail=found.sentence,
                      mend=f"{largest} grows most; `meridian prune --dry-run` says what may go, else make the disk larger")
    version = published.current(settings.published)
    yield Finding(subject="published", is_well=True, detail=version.name if version else "nothing yet")


def _store(settings: Settings) -> Iterator[Finding]:
    try:
        if (store := hosts.store_of(settings)) is None:
            return
        shared.probe(store)
        lacking = hosts.missing_of(settings, ledgers.open_ledger(settings.ledger), store)
    except (StoreError, ConfigurationError) as error:
        yield Finding(subject="store", is_well=False, detail=str(error), mend=f"see [state] in {settings.path}; until it answers nothing is sealed")
        return
    named = ", ".join("/".join((row["source"], row["stream"], row["batch"])) for row in lacking[:3])
    yield Finding(subject="store", is_well=not lacking, detail=f"lacks {len(lacking)} batches: {named}" if lacking else f"{store.url} has every batch",
                  mend="`meridian publish share` on the host that has them; where none has, `meridian batch reject`")


def _postgres(settings: Settings) -> Iterator[Finding]:
    if not postgres.is_wanted(settings):
        return
    try:
        there, here = postgres.standing(settings), published.current_name(settings.published)
        detail = f"has {there or 'no version yet'}" + ("" if there == here else f", files have {here}")
        yield Finding(subject="PostgreSQL", is_well=there == here, detail=detail, mend="the next night brings it up, or `meridian publish postgres` now")
    except postgres.PostgresError as error:
        yield Finding(subject="PostgreSQL", is_well=False, detail=str(error), mend=f"see [publish.postgres] in {settings.path}; files are published as ever")


def _prefect(settings: Settings) -> Iterator[Finding]:
    server = up.find(settings, "server")
    if server is None:
        yield Finding(subject="Prefect server", is_well=True, detail="not running; `meridian up` starts it for the schedule")
        return
    answers = up.is_answering(up.api_url(server.port))
    yield Finding(
        subject="Prefect server", is_well=answers, detail=f"http://127.0.0.1:{server.port}" + ("" if answers else " does not answer"),
        mend=f"`meridian down`, then `meridian up`; its log is {up.folder(settings) / 'server.log'}")


def _ailments(settings: Settings) -> Iterator[Finding]:
    try:
        ledger = ledgers.open_ledger(settings.ledger)
    except Exception:
        return                        # _state has said so
    try:
        found = list(healing.ailments(settings, ledger, healing.reached(settings)))
    except requests.RequestException as error:
        yield Finding(subject="Prefect's runs", is_well=False, detail=f"cannot be looked at: {type(error).__name__}: {error}", mend="ask again in a minute")
        return
    for one in found:
        yield Finding(subject=one.subject, is_well=False, detail=one.detail, mend=one.mend + (" (--fix does it)" if one.fix else ""), fix=one.fix)


def _sources(settings: Settings) -> Iterator[Finding]:
    if not settings.configuration.sources:
        yield Finding(subject="sources", is_well=False, detail="none configured", mend=f"`meridian source add`, or add a [sources.<name>] to {settings.path}")
    try:
        found = list(sources.check(settings))
    except (LedgerUnreachable, ConfigurationError):
        return                        # _state has said so
    for checked in found:
        yield Finding(subject=f"source {checked.name} ({checked.kind})", is_well=not checked.failure, detail=checked.failure or checked.said, mend=checked.mend)


def _channels(settings: Settings) -> Iterator[Finding]:
    if settings.configuration.channels:
        try:
            links.check_key(settings.secrets.get(links.KEY_VARIABLE, ""))
            yield Finding(subject="links", is_well=True, detail=f"begin with {settings.configuration.serve.url}")
        except links.BadKey as error:
            yield Finding(subject="links", is_well=False, detail=f"messages have none: {error}", mend=f"put it into {settings.path.parent / '.env'}")
    for name, channel in channels.configured(settings).items():
        yield Finding(subject=f"channel {name} ({settings.configuration.channels[name].kind})", is_well=not channel.fault,
                      detail=channel.fault or f"configured; `meridian channels test {name}` sends a message", mend=f"see [channels.{name}] in {settings.path}")


def _automations(settings: Settings) -> Iterator[Finding]:
    try:
        ledgers.open_ledger(settings.ledger)
    except Exception:
        return                        # _state has said so
    for one in automations_health.examine(settings):
        yield Finding(subject=one.subject, is_well=one.is_well, detail=one.detail, mend=one.mend)
