"""The files of a deployment that only their owner may read: what holds keys and passwords, and what acts for whoever has it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import sqlalchemy as sql

from flows import up
from flows.settings import Settings

# By name, below meridian.toml and state.home: ours, those of the sandbox's systems and of Superset, keys and certificates that were laid beside them, backups
# (their ledger has the links of messages).
NAMES = ("*.env", ".env.*", "secrets*", "*password*", "*.key", "*.pem", "*.p12", "*.tar.zst", "*.tar.zst.part")
HARMLESS = ("*.example", "*.py", "*.md", "*.pub")
# Data, in many files, and what is not ours.
NOT_IN = frozenset({"landing", "published", "warehouse", "files", "drop", "dbt", "reports", "lineage", "node_modules", "site-packages", ".git"})
DEEPEST = 5


def too_open(settings: Settings) -> list[tuple[Path, int]]:
    """Files that others on this machine can read, and the mode that each should have. Of `.env` the settings have said so before anything is looked at."""
    ledger = _ledger(settings)
    found = {path: 0o600 for path in _named(settings) if _mode(path) & 0o077}
    if ledger is not None and _mode(ledger) & 0o007:        # a group may look at its own nights
        found |= {path: _mode(path) & 0o770 for path in (ledger, *(ledger.with_name(ledger.name + end) for end in ("-wal", "-shm"))) if _mode(path) & 0o007}
    if _mode(up.folder(settings)) & 0o077:
        found[up.folder(settings)] = 0o700
    return sorted(found.items())


def _named(settings: Settings) -> Iterator[Path]:
    yield up.folder(settings) / up.AUTH_FILE
    for top in {settings.path.parent.resolve(), settings.home.resolve()}:
        for folder, inside, files in os.walk(top):
            depth = len(Path(folder).relative_to(top).parts)
            inside[:] = [name for name in inside if name not in NOT_IN and not name.startswith(".venv") and depth < DEEPEST]
            for name in files:
                path = Path(folder) / name
                if any(fnmatch(name, wanted) for wanted in NAMES) and not any(fnmatch(name, one) for one in HARMLESS) and not path.is_symlink():
                    yield path


def _ledger(settings: Settings) -> Path | None:
    if settings.configuration.state.ledger_env:
        return None
    if "://" not in settings.ledger:
        return Path(settings.ledger)
    address = sql.make_url(settings.ledger)
    return Path(address.database) if address.get_backend_name() == "sqlite" and address.database else None


def _mode(path: Path) -> int:
    """0 of what is not there or not ours to look at."""
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        return 0
