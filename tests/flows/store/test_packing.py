"""Pages packed one behind the other: read whole, or refused."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import pytest

from flows.store.packing import Packing, lines_of, packed

LINES = [b'{"key":"%d","text":"%b"}' % (number, random.Random(number).randbytes(900).hex().encode()) for number in range(3000)]
READ = "select key from read_json(?, format = 'newline_delimited', columns = {key: 'varchar', text: 'varchar'})"


def written(folder: Path, packing: Packing) -> Path:
    """Three pages: of one line, of many, of one."""
    path = folder / f"batch.jsonl.{packing}"
    path.write_bytes(b"".join(packed(b"".join(line + b"\n" for line in page), packing) for page in (LINES[:1], LINES[1:-1], LINES[-1:])))
    return path


@pytest.mark.parametrize("packing", ["zst", "gz"])
def test_all_pages_are_read_by_us_and_by_duckdb(tmp_path: Path, packing: Packing) -> None:
    path = written(tmp_path, packing)
    assert [line.rstrip() for line in lines_of(path)] == LINES
    assert [key for (key,) in duckdb.execute(READ, [[str(path)]]).fetchall()] == [str(number) for number in range(3000)]


@pytest.mark.parametrize("packing", ["zst", "gz"])
@pytest.mark.parametrize("left", [-1, -300, 20])
def test_a_file_cut_off_in_a_page_is_never_taken_for_a_shorter_one(tmp_path: Path, packing: Packing, left: int) -> None:
    path = written(tmp_path, packing)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(OSError, match="batch.jsonl.*damaged"):
        list(lines_of(path))


def test_one_changed_bit_is_noticed_by_us_and_by_duckdb(tmp_path: Path) -> None:
    path = written(tmp_path, "zst")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match="damaged"):
        list(lines_of(path))
    with pytest.raises(duckdb.IOException):
        duckdb.execute(READ, [[str(path)]]).fetchall()
