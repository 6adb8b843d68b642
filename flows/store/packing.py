"""How lines of a batch are packed: a page is one frame of zstd, or one gzip member in the batches of earlier versions, and pages stand one behind the other.

zstd at its first level takes a quarter of the CPU of gzip's third, and a third fewer bytes. A frame ends with the checksum of what was packed: DuckDB refuses
a file of which one bit was changed, and gzip's checksum it does not look at.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import zstandard

Packing = Literal["zst", "gz"]
_CHUNK = 1 << 17


def packed(content: bytes, packing: Packing) -> bytes:
    """One page."""
    if packing == "gz":
        return gzip.compress(content, compresslevel=3, mtime=0)
    return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(content)


def lines_of(path: Path) -> Iterator[bytes]:
    """The lines of all pages. Raises OSError where one is torn or damaged."""
    with path.open("rb") as file:
        try:
            if ".zst" in path.suffixes:
                yield from _zstd_lines(file)
            else:
                with gzip.open(file) as pages:
                    yield from pages
        except (EOFError, zlib.error, zstandard.ZstdError) as error:
            raise OSError(f"{path} is damaged: {error}") from None


def _zstd_lines(file: BinaryIO) -> Iterator[bytes]:
    """Frame by frame, as zstandard's own reader takes a torn frame for the end of the file."""
    coming = begun = b""
    while coming := coming or file.read(_CHUNK):
        frame = zstandard.ZstdDecompressor().decompressobj()
        while True:
            *lines, begun = (begun + frame.decompress(coming)).split(b"\n")
            yield from lines
            if frame.eof:
                break
            if not (coming := file.read(_CHUNK)):
                raise EOFError("it ends in the middle of a page")
        coming = frame.unused_data
