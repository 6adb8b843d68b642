"""Whole or not at all, on a filesystem: links and files replaced in one act, made to last, and a full disk said in words."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import duckdb


class PublishError(Exception):
    """Nothing was published; what was current still is. The message says what to do."""


class FilesystemFull(PublishError):
    """There was no room for the new version."""


def link_whole(link: Path, target: str) -> None:
    aside = link.with_name(f".{link.name}.new")
    aside.unlink(missing_ok=True)
    aside.symlink_to(target)
    aside.replace(link)
    sync(link.parent)


def write_whole(path: Path, content: Any) -> None:
    """Text as it is, anything else as JSON: whole under its name, or not there."""
    aside = path.with_name(f".{path.name}.new")
    with aside.open("w", encoding="utf-8") as file:
        file.write(content if isinstance(content, str) else json.dumps(content, indent=1, ensure_ascii=False, default=str))
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync(path.parent)


def sync_tree(path: Path) -> None:
    for entry in [path, *path.rglob("*")]:
        sync(entry)


def sync(path: Path) -> None:
    """fsync of a file or a folder; of a folder it makes the names in it last."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)


def take_lock(path: Path, *, wait: bool) -> IO[bytes]:
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError as error:
        file.close()
        raise PublishError(f"another run is preparing a version in {path.parent}; wait for it, or stop it") from error
    return file


@contextmanager
def room_wanted(published: Path) -> Iterator[None]:
    """Say a full disk in words, wherever it was met."""
    try:
        yield
    except (OSError, duckdb.Error) as error:
        text = str(error)
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        if not full and not any(sign in text for sign in ("No space left", "not enough space", "Disk quota exceeded", "File too large")):
            raise
        free = shutil.disk_usage(published).free
        raise FilesystemFull(
            f"no room to publish in {published} ({free / 1e6:,.0f} MB free): the version before stays current. "
            "Free some room, or keep fewer days of versions, and run again.") from error
