"""The store that hosts share: a folder or a bucket, by an fsspec URL. What lies in it is named after its content and never written again.

    <store>/landing/<source>/<stream>/<day>/<batch>.jsonl.zst.<sha>     a sealed batch; the ledger's row has the whole checksum
            files/<source>/<stream>/<content>.keys.<sha>                what the drop folder's connector has to know of files that were taken
            versions/<version>.<sha>/{marts.duckdb, parquet/..., manifest.json}; the ledger has the checksum of each file

Named so, two hosts that believe to be the only one cannot overwrite each other's: which of the two counts is for the ledger to say, in one transaction.
Whatever is put there is read back and summed up before anybody is told of it, and again by whoever fetches it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from flows.store.disk import sync
from flows.store.refused import StoreError

BLOCK = 8 * 1024 * 1024
# Of boto's own: a minute for a connection and five attempts keep a night for five minutes at each file of a store that is gone.
S3 = {"config_kwargs": {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 4, "mode": "standard"}}}


@dataclass(frozen=True, kw_only=True)
class Shared:
    """url: as fsspec takes it, `s3://bucket/prefix` or `file:///mnt/share`. options: what its filesystem is made with, keys included."""

    url: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


def named(name: str, sha256: str) -> str:
    """What a file is called in the store."""
    return f"{name}.{sha256[:16]}"


def put(shared: Shared, key: str, path: Path, sha256: str) -> None:
    """Upload, and read back what arrived. Raises StoreError; repeating it is safe."""
    with _told(shared, key, "could not be written") as (fs, root):
        target = f"{root}/{key}"
        if fs.exists(target) and fs.size(target) == path.stat().st_size and _sum(fs.open(target, "rb")) == sha256:
            return
        fs.makedirs(target.rpartition("/")[0], exist_ok=True)
        fs.put_file(str(path), target)
        if _is_local(fs):
            sync(Path(target))
            sync(Path(target).parent)
        if _sum(fs.open(target, "rb")) != sha256:
            raise StoreError(f"{shared.url}/{key} is not what was written there: look at the store, then run again; nothing was lost")


def fetch(shared: Shared, key: str, path: Path, sha256: str, *, else_do: str) -> None:
    """Bring a file here, whole under its name or not at all. sha256: whole, or its beginning. else_do: the next move where it is missing or damaged."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.fetch")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _told(shared, key, "could not be read", else_do) as (fs, root), aside.open("wb") as file:
            found = _sum(fs.open(f"{root}/{key}", "rb"), file)
            file.flush()
            os.fsync(file.fileno())
        if not found.startswith(sha256):
            raise StoreError(f"{shared.url}/{key} is damaged: its checksum is {found[:16]}, not {sha256[:16]}; {else_do}")
        aside.replace(path)
        sync(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def names(shared: Shared, prefix: str) -> set[str]:
    """The keys of all files below, as `put` takes them."""
    with _told(shared, prefix, "could not be listed") as (fs, root):
        return {str(found).removeprefix(f"{root}/") for found in fs.find(f"{root}/{prefix}") if str(found).startswith(f"{root}/")}


def remove(shared: Shared, keys: set[str]) -> None:
    for key in sorted(keys):
        with _told(shared, key, "could not be removed") as (fs, root):
            fs.rm_file(f"{root}/{key}")


def probe(shared: Shared) -> None:
    """Write, read and remove one file. Raises StoreError."""
    key = f".probe.{os.urandom(4).hex()}"
    with _told(shared, key, "could not be written, read and removed") as (fs, root):
        fs.makedirs(root, exist_ok=True)
        fs.pipe_file(f"{root}/{key}", b"meridian")
        said = fs.cat_file(f"{root}/{key}")
        fs.rm_file(f"{root}/{key}")
    if said != b"meridian":
        raise StoreError(f"{shared.url} gives back something else than was written there")


def _sum(source: BinaryIO, copy: BinaryIO | None = None) -> str:
    sha = hashlib.sha256()
    with source:
        while block := source.read(BLOCK):
            sha.update(block)
            if copy is not None:
                copy.write(block)
    return sha.hexdigest()


def _is_local(fs: Any) -> bool:
    return "file" in ([fs.protocol] if isinstance(fs.protocol, str) else fs.protocol)


@contextmanager
def _told(shared: Shared, key: str, what: str, else_do: str = "") -> Iterator[tuple[Any, str]]:
    """The filesystem and where we are in it; what it stumbles over is said in words, without a key."""
    mend = else_do or "look at the store and at [state] in meridian.toml, then run again; nothing was lost"
    try:
        import fsspec

        protocol = shared.url.partition("://")[0]
        own = S3 if protocol in ("s3", "s3a") else {}
        fs, root = fsspec.url_to_fs(shared.url.rstrip("/"), **{"use_listings_cache": False, **own, **shared.options})
        yield fs, root
    except StoreError:
        raise
    except ImportError as error:
        raise StoreError(f"{shared.url} needs a package that is not installed: {error}") from None
    except FileNotFoundError:
        raise StoreError(f"{shared.url}/{key} is not there; {mend}") from None
    except Exception as error:          # each kind of store has errors of its own
        words = " ".join(str(error).split())[:300]
        for secret in (str(value) for value in shared.options.values() if isinstance(value, str) and len(value) > 3):
            words = words.replace(secret, "***") if secret != shared.options.get("endpoint_url") else words
        raise StoreError(f"{shared.url}/{key} {what}: {type(error).__name__}: {words}; {mend}") from None
