"""Dropped files: every row once, broken ones aside, nothing lost or doubled wherever a read is killed."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors import files
from connectors.formats import iso_date, plain_number
from connectors.stream import Json, Misconfigured, Page, Stream, UnexpectedShape, Unreachable, Window, landed_key

WINDOW = Window(start=None, end=datetime(2026, 11, 1, tzinfo=UTC))


class Lander:
    """What the landing and the ledger do, in memory: rows by key in the order of landing, a position per page, a memory per finished read."""

    def __init__(self, tmp_path: Path, streams: dict[str, dict[str, Any]], page_size: int = 2) -> None:
        self.folder, self.home, self.streams, self.page_size = tmp_path / "drop", tmp_path / "home", streams, page_size
        self.folder.mkdir(parents=True, exist_ok=True)
        self.memory: dict[str, Json] = {}
        self.position: Json = None
        self.landed: list[tuple[str, Any]] = []
        self.rows: dict[str, Any] = {}
        self.notes: dict[str, str] = {}

    def connect(self) -> files.Files:
        return files.connect("drop", {"folder": str(self.folder), "streams": self.streams}, home=self.home, memory=self.memory.get, page_size=self.page_size)

    def drop(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def take(self, stream: Stream, page: Page) -> None:
        for record in page.records:
            self.landed.append((landed_key(stream, record), record))
            self.rows[landed_key(stream, record)] = record
        for key in page.deleted:
            self.landed.append((key, None))
            self.rows.pop(key, None)
        self.notes |= page.notes
        self.position = json.loads(json.dumps(page.position))

    def read(self, *, killed_after: int | None = None) -> bool:
        """Whether it came to the end. Killed: the generator is dropped where it stands, as a process would be, and the connector is forgotten."""
        connector = self.connect()
        stream = connector.streams()[0]
        pages = connector.read(stream, WINDOW, self.position)
        for number, page in enumerate(pages, start=1):
            if killed_after is not None and number > killed_after:
                return False   # this page was fetched and is lost with the process
            self.take(stream, page)
        if self.position is not None:
            self.memory[stream.name] = self.position["memory"]
        self.position = None
        return True


@pytest.fixture
def costs(tmp_path: Path) -> Lander:
    return Lander(tmp_path, {"costs": {"pattern": "costs*.csv", "key": ["unit", "month"], "feeds": "files.costs"}})


def table(*rows: Sequence[Any]) -> str:
    return "unit,month,amount\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)


def amounts(lander: Lander) -> dict[str, str]:
    return {key: record["amount"] for key, record in lander.rows.items()}


def test_every_field_is_the_text_that_stands_in_the_file(costs: Lander) -> None:
    costs.drop("costs.csv", 'unit,month,amount\n007,2026-01-01," 1.50 "\n"Ops, remote",2026-02-01,\n')
    costs.read()
    assert list(costs.rows.values()) == [
        {"unit": "007", "month": "2026-01-01", "amount": " 1.50 "},
        {"unit": "Ops, remote", "month": "2026-02-01", "amount": ""},
    ]
    assert costs.connect().streams()[0].feeds == "files.costs"


def test_the_same_content_is_taken_once_even_when_touched_copied_or_renamed_over_itself(costs: Lander) -> None:
    path = costs.drop("costs.csv", table(("a", 1, 10)))
    costs.read()
    os.utime(path, (1, 1))
    costs.read()
    costs.drop("costs.csv", path.read_bytes())
    costs.read()
    assert len(costs.landed) == 1


def test_what_was_taken_is_read_again_and_not_copied(costs: Lander, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drop folder of years would be written once more every night."""
    costs.drop("costs.csv", table(("a", 1, 10)))
    costs.read()
    with monkeypatch.context() as patch:
        patch.setattr(files.Files, "_snapshot", lambda *_: pytest.fail("copied"))
        assert costs.read()
    costs.drop("costs.csv", table(("a", 1, 11)))
    costs.read()
    assert amounts(costs) == {"a|1": "11"}


def test_new_content_replaces_the_rows_of_that_file_and_only_of_that_file(costs: Lander) -> None:
    costs.drop("costs-1.csv", table(("a", 1, 10), ("b", 1, 20), ("c", 1, 30)))
    costs.drop("costs-2.csv", table(("a", 2, 40)))
    costs.read()
    costs.drop("costs-1.csv", table(("b", 1, 21), ("d", 1, 50)))
    costs.read()
    assert amounts(costs) == {"b|1": "21", "d|1": "50", "a|2": "40"}
    assert costs.notes["costs-1.csv"] == "2 rows taken, 2 gone"


def test_a_key_that_leaves_one_file_but_stands_in_another_gets_the_other_ones_row(costs: Lander) -> None:
    costs.drop("costs-1.csv", table(("a", 1, 10), ("b", 1, 11)))
    costs.drop("costs-2.csv", table(("a", 1, 99), ("c", 1, 30)))
    costs.read()
    assert amounts(costs)["a|1"] == "99", "files are read in order of name and the later one wins"
    costs.drop("costs-2.csv", table(("c", 1, 31)))
    costs.read()
    assert amounts(costs) == {"a|1": "10", "b|1": "11", "c|1": "31"}


def test_files_are_read_in_the_order_of_the_numbers_in_their_names(costs: Lander) -> None:
    for number in (9, 10, 2, 100):
        costs.drop(f"costs-{number}.csv", table(("a", 1, number)))
    costs.read()
    assert [record["amount"] for _, record in costs.landed] == ["2", "9", "10", "100"]


def test_a_file_that_disappears_takes_no_rows_with_it_and_a_bare_header_takes_all(costs: Lander) -> None:
    path = costs.drop("costs.csv", table(("a", 1, 10)))
    costs.read()
    path.unlink()
    costs.read()
    assert amounts(costs) == {"a|1": "10"}
    costs.drop("costs.csv", table())
    costs.read()
    assert amounts(costs) == {}


def test_without_key_columns_a_row_is_known_by_file_and_number(tmp_path: Path) -> None:
    lander = Lander(tmp_path, {"log": {"pattern": "*.csv"}})
    lander.drop("log.csv", "what\nx\nx\ny\n")
    lander.read()
    assert lander.rows == {f"log.csv|{number}": {"what": what, "_file": "log.csv", "_row": number} for number, what in enumerate("xxy", start=1)}
    lander.drop("log.csv", "what\nx\nz\n")
    lander.read()
    assert [record["what"] for record in lander.rows.values()] == ["x", "z"]


def test_a_changed_declaration_reads_the_same_file_again(costs: Lander) -> None:
    costs.drop("costs.csv", 'unit,month,amount\na,1,"1,5"\n')
    costs.read()
    costs.streams["costs"]["numbers"] = {"amount": ","}
    costs.read()
    assert costs.rows["a|1"] == {"unit": "a", "month": "1", "amount": "1.5", "amount_as_written": "1,5"}


# ---- being killed

def story(lander: Lander) -> Iterator[None]:
    """Nights of a drop folder, with pages of two rows: new files, replaced files, a broken one, shared keys."""
    lander.drop("costs-1.csv", table(*[(unit, 1, 10) for unit in "abcde"]))
    lander.drop("costs-2.csv", table(*[(unit, 2, 20) for unit in "abc"], ("a", 1, 99)))
    yield
    lander.drop("costs-1.csv", table(*[(unit, 1, 11) for unit in "bcdfg"]))
    lander.drop("costs-3.csv", "unit,month,amount\nz,3,5\nz,4\n")
    yield
    lander.drop("costs-2.csv", table(("b", 2, 21)))
    lander.drop("costs-1.csv", table(("b", 1, 12), ("a", 1, 13)))
    yield


def test_killed_at_any_page_of_any_night_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    whole = Lander(tmp_path / "whole", {"costs": {"pattern": "costs*.csv", "key": ["unit", "month"]}})
    for _ in story(whole):
        whole.read()
    kills = 0
    for killed_after in range(12):
        folder = tmp_path / f"killed-{killed_after}"
        lander = Lander(folder, whole.streams)
        for _ in story(lander):
            finished = lander.read(killed_after=killed_after)
            while not finished and kills < 1_000:   # killed again and again, one page further each time
                kills += 1
                finished = lander.read(killed_after=1)
        assert lander.rows == whole.rows, f"killed after {killed_after} pages"
        assert len(lander.landed) == len(whole.landed), f"killed after {killed_after} pages: a row landed twice"
    assert kills > 30


def test_killed_in_the_middle_and_replaced_meanwhile_the_old_content_is_finished_and_then_replaced(costs: Lander) -> None:
    costs.drop("costs.csv", table(*[(unit, 1, 10) for unit in "abcdef"]))
    assert not costs.read(killed_after=1)
    costs.drop("costs.csv", table(("f", 1, 11)))
    costs.read()
    costs.read()
    assert amounts(costs) == {"f|1": "11"}


def test_a_reading_that_is_dropped_can_begin_again_from_the_last_confirmed_memory(costs: Lander) -> None:
    costs.drop("costs.csv", table(("a", 1, 10), ("b", 1, 10)))
    costs.read()
    costs.drop("costs.csv", table(("b", 1, 11)))
    connector = costs.connect()
    list(connector.read(connector.streams()[0], WINDOW))          # landed nowhere, confirmed by nobody
    costs.read()
    assert amounts(costs) == {"b|1": "11"}


def test_a_reading_that_is_dropped_after_it_was_resumed_can_still_tell_what_is_gone(costs: Lander) -> None:
    costs.drop("costs.csv", table(*[(unit, 1, 10) for unit in "abc"]))
    costs.read()
    costs.drop("costs.csv", table(*[(unit, 1, 11) for unit in "bcdef"]))
    connector = costs.connect()
    *_, last = connector.read(connector.streams()[0], WINDOW)
    list(connector.read(connector.streams()[0], WINDOW, last.position))     # goes on behind the new content, and then the reading is dropped
    costs.read()
    assert sorted(costs.rows) == ["b|1", "c|1", "d|1", "e|1", "f|1"]


def test_no_copies_of_files_are_left_behind(costs: Lander) -> None:
    costs.drop("costs-1.csv", table(("a", 1, 10)))
    costs.drop("costs-2.csv", table(("a", 1)))
    costs.read()
    assert [path.suffix for path in (costs.home / "files" / "drop" / "costs").iterdir()] == [".keys"]


def test_when_the_kept_keys_are_lost_it_says_so_instead_of_keeping_dead_rows(costs: Lander) -> None:
    costs.drop("costs.csv", table(("a", 1, 10)))
    costs.read()
    for path in (costs.home / "files" / "drop" / "costs").iterdir():
        path.unlink()
    costs.drop("costs.csv", table(("b", 1, 10)))
    with pytest.raises(UnexpectedShape, match="forget this stream's memory"):
        costs.read()


def test_the_keys_of_everything_taken_can_be_listed(costs: Lander) -> None:
    costs.drop("costs-1.csv", table(("a", 1, 10), ("b", 1, 10)))
    costs.drop("costs-2.csv", table(("c", 1, 10)))
    costs.read()
    connector = costs.connect()
    assert sorted(connector.keys(connector.streams()[0])) == ["a|1", "b|1", "c|1"]


# ---- broken files

GOOD = table(*[(f"u{number}", 1, number) for number in range(400)]).encode()
BROKEN: list[tuple[str, bytes, str]] = [
    ("costs.csv.gz", gzip.compress(GOOD)[:-900], "cut off"),
    ("costs.csv.gz", GOOD, "gzip file is damaged"),
    ("costs.csv", GOOD[:-3] + "Köln,1,2\n".encode("latin-1"), "it is not utf-8"),
    ("costs.csv", GOOD + b"u1,2\n", "line 402 has 2 fields where the header has 3"),
    ("costs.csv", GOOD + b"u1,2,3,4\n", "line 402 has 4 fields"),
    ("costs.csv", GOOD + b'u1,2,"never closed\n', "line 402: unexpected end of data"),
    ("costs.csv", b"unit,amount\na,1\n", "has no column 'month', which is part of the key"),
    ("costs.csv", table(("a", 1, 2), ("", 1, 2)).encode(), "row 2 has no 'unit'"),
    ("costs.csv", b"unit,month,amount,unit\na,1,2,3\n", "a name more than once: columns 1, 4"),
    ("costs.csv", b"unit,month,\na,1,2\n", "column 3 has no name"),
    ("costs.csv", b"", "empty"),
]


def test_a_part_of_the_key_that_may_be_empty_does_not_break_the_file(tmp_path: Path) -> None:
    lander = Lander(tmp_path, {"costs": {"pattern": "*.csv", "key": ["unit", "month"], "may_be_empty": ["unit"]}})
    lander.drop("costs.csv", table(("a", 1, 10), ("", 1, 20)))
    lander.read()
    assert sorted(lander.rows) == ["a|1", "|1"]


@pytest.mark.parametrize(("name", "content", "reason"), BROKEN, ids=[reason for _, _, reason in BROKEN])
def test_a_broken_file_is_put_aside_with_its_reason_and_the_rest_goes_on(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    lander = Lander(tmp_path, {"costs": {"pattern": "*.csv*", "key": ["unit", "month"]}})
    lander.drop(name, content)
    lander.drop("another.csv", table(("a", 1, 10)))
    lander.drop("zulu.csv", table(("z", 1, 10)))
    lander.read()
    assert sorted(lander.rows) == ["a|1", "z|1"], "not one row of the broken file has landed"
    assert reason in lander.notes[name]
    assert not (lander.folder / name).exists()
    aside, told = sorted((lander.folder / "quarantine").iterdir())
    assert aside.read_bytes() == content and aside.name.endswith(name)
    assert told.name == aside.name + ".reason.txt" and reason in told.read_text()
    lander.read()
    assert sorted(lander.rows) == ["a|1", "z|1"]


def test_a_broken_new_version_leaves_the_old_rows_and_a_mended_one_replaces_them(costs: Lander) -> None:
    costs.drop("costs.csv", table(("a", 1, 10), ("b", 1, 10)))
    costs.read()
    costs.drop("costs.csv", table(("a", 1)))
    costs.read()
    assert amounts(costs) == {"a|1": "10", "b|1": "10"}
    costs.drop("costs.csv", table(("a", 1, 12)))
    costs.read()
    assert amounts(costs) == {"a|1": "12"}


def test_the_same_broken_content_dropped_again_is_refused_again(costs: Lander) -> None:
    for _ in range(2):
        costs.notes = {}
        costs.drop("costs.csv", table(("a", 1)))
        costs.read()
        assert "quarantined" in costs.notes["costs.csv"]


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.Shape, "__init__", lambda self, _original=files.Shape.__init__, **fields: _original(self, **fields, most_bytes=1_000_000))
    lander = Lander(tmp_path, {"log": {"pattern": "*.csv.gz"}})
    lander.drop("log.csv.gz", gzip.compress(b"what\n" + b"x\n" * 5_000_000))
    lander.read()
    assert lander.rows == {} and "more bytes than this source allows" in lander.notes["log.csv.gz"]


# ---- the folder

def test_links_out_of_the_folder_are_refused_and_told(costs: Lander, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text(table(("secret", 1, 1)))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "costs.csv").write_text(table(("secret", 2, 1)))
    (costs.folder / "costs-link.csv").symlink_to(tmp_path / "secret.csv")
    (costs.folder / "sub").symlink_to(tmp_path / "elsewhere")
    costs.streams["costs"]["pattern"] = "**/costs*.csv"
    costs.drop("costs.csv", table(("a", 1, 1)))
    costs.read()
    assert list(costs.rows) == ["a|1"]
    assert costs.notes["costs-link.csv"] == "refused: it leads out of the folder"
    assert (tmp_path / "secret.csv").exists(), "what is not ours is not put into quarantine"
    assert not costs.read(killed_after=0)
    for _ in range(3):
        finished = costs.read(killed_after=1)
    assert finished, "told once, even when killed after every page"


def test_subfolders_are_read_but_not_the_quarantine_or_half_written_files(costs: Lander) -> None:
    costs.streams["costs"]["pattern"] = "**/*.csv*"
    for name in ("2026/costs.csv", "quarantine/old.csv", "costs.csv.part", ".hidden.csv", "~$open.csv"):
        costs.drop(name, table((name, 1, 1)))
    costs.read()
    assert list(costs.rows) == ["2026/costs.csv|1"]


@pytest.mark.parametrize(("settings", "message"), [
    ({"pattern": "../*.csv"}, "does not stay in the folder"),
    ({"pattern": "/etc/*.csv"}, "does not stay in the folder"),
    ({}, "does not stay in the folder"),
    ({"pattern": "*.csv", "colour": "blue"}, "unknown option colour"),
    ({"pattern": "*.dat"}, "no format"),
    ({"pattern": "*.csv", "encoding": "klingon"}, "no encoding 'klingon'"),
    ({"pattern": "*.csv", "delimiter": "::"}, "one character"),
    ({"pattern": "*.csv", "dates": {"day": "european"}}, "date order of day"),
    ({"pattern": "*.csv", "numbers": {"spend": "comma"}}, "decimal mark of spend"),
])
def test_a_declaration_that_cannot_work_is_refused_when_connecting(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Misconfigured, match=message):
        Lander(tmp_path, {"costs": settings}).connect()


def test_a_missing_folder_is_unreachable_not_empty(costs: Lander) -> None:
    costs.folder.rmdir()
    with pytest.raises(Unreachable, match="there is no folder"):
        costs.read()


def test_check_says_what_lies_there_and_opened_files_are_counted(costs: Lander) -> None:
    costs.drop("costs.csv", table(("a", 1, 1)))
    connector = costs.connect()
    assert connector.check().endswith("1 of costs")
    list(connector.read(connector.streams()[0], WINDOW))
    assert connector.requests_made("costs") == 2, "once to examine it, once to give it out"


# ---- formats

@pytest.mark.parametrize(("encoding", "text"), [("cp1252", "Köln – 5 €"), ("utf-16", "上海"), ("gb18030", "上海"), ("shift_jis", "東京"), ("utf-8", "Łódź")])
def test_a_declared_encoding_and_delimiter_are_used(tmp_path: Path, encoding: str, text: str) -> None:
    lander = Lander(tmp_path, {"costs": {"pattern": "*.csv", "encoding": encoding, "delimiter": ";", "quote": "'"}})
    lander.drop("costs.csv", f"unit;note\na;'{text};\nsecond line'\n".encode(encoding))
    lander.read()
    assert [record["note"] for record in lander.rows.values()] == [f"{text};\nsecond line"]


def test_a_byte_order_mark_is_not_part_of_the_first_name(costs: Lander) -> None:
    costs.drop("costs.csv", b"\xef\xbb\xbf" + table(("a", 1, 1)).encode())
    costs.read()
    assert costs.rows["a|1"]["unit"] == "a"


def test_an_xlsx_sheet_lands_with_its_types(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.active.title = "Notes"
    sheet = book.create_sheet("Risks")
    header = ["risk", "on", "at", "count", "share", "open", None]
    for row in (header, ["R1", date(2026, 5, 1), datetime.fromisoformat("2026-05-01T09:30"), 3, 0.25, True], [None] * 6, ["R2"]):
        sheet.append(row)
    lander = Lander(tmp_path, {"risks": {"pattern": "risks.xlsx", "key": ["risk"], "sheet": "Risks"}})
    book.save(lander.folder / "risks.xlsx")
    lander.read()
    assert lander.notes == {"risks.xlsx": "2 rows taken"}
    assert lander.rows["R1"] == {"risk": "R1", "on": "2026-05-01", "at": "2026-05-01T09:30:00", "count": 3, "share": 0.25, "open": True}
    assert lander.rows["R2"] == {"risk": "R2", "on": None, "at": None, "count": None, "share": None, "open": None}


@pytest.mark.parametrize("content", [b"not a zip", b"PK\x03\x04 torn"])
def test_a_damaged_xlsx_is_put_aside(tmp_path: Path, content: bytes) -> None:
    lander = Lander(tmp_path, {"risks": {"pattern": "risks.xlsx", "key": ["risk"]}})
    lander.drop("risks.xlsx", content)
    lander.read()
    assert "not a readable XLSX" in lander.notes["risks.xlsx"]


def test_parquet_lands_as_json_and_a_torn_one_is_put_aside(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    lander = Lander(tmp_path, {"lines": {"pattern": "*.parquet", "key": ["id"]}})
    rows: dict[str, list[Any]] = {
        "id": [1, 2], "at": [datetime.fromisoformat("2026-05-01T08:26"), None],
        "price": [Decimal("2.50"), None], "ratio": [float("nan"), 0.5], "tags": [["a"], []],
    }
    parquet.write_table(pyarrow.table(rows), lander.folder / "lines.parquet")
    lander.drop("torn.parquet", (lander.folder / "lines.parquet").read_bytes()[:-40])
    lander.read()
    assert lander.rows["1"] == {"id": 1, "at": "2026-05-01T08:26:00", "price": "2.50", "ratio": None, "tags": ["a"]}
    assert "not a readable Parquet" in lander.notes["torn.parquet"]


def test_json_lines_land_as_they_are_and_a_torn_last_line_breaks_the_file(tmp_path: Path) -> None:
    lander = Lander(tmp_path, {"events": {"pattern": "*.jsonl*", "key": ["id"]}})
    lander.drop("one.jsonl.gz", gzip.compress(b'{"id": 1, "nested": {"a": [1.5, null]}}\n\n{"id": 2}'))
    lander.drop("two.jsonl", b'{"id": 3}\n{"id": 4')
    lander.drop("three.jsonl", b"[1, 2]\n")
    lander.read()
    assert lander.rows == {"1": {"id": 1, "nested": {"a": [1.5, None]}}, "2": {"id": 2}}
    assert "line 2 is not JSON" in lander.notes["two.jsonl"] and "not a JSON object" in lander.notes["three.jsonl"]


# ---- dates and numbers

@pytest.mark.parametrize(("text", "order", "expected"), [
    ("29/2/2016 01:16", "dmy", "2016-02-29T01:16:00"),
    ("2/29/2016 1:16 PM", "mdy", "2016-02-29T13:16:00"),
    ("12/1/2016 12:05 AM", "mdy", "2016-12-01T00:05:00"),
    ("2-Jun-06", "dmy", "2006-06-02"),
    ("1. März 2026", "dmy", "2026-03-01"),
    ("Jun 2, 2006", "mdy", "2006-06-02"),
    ("01.02.2026", "dmy", "2026-02-01"),
    ("2026/2/1", "ymd", "2026-02-01"),
    ("2026-02-01T10:00:00.5+02:00", "ymd", "2026-02-01T10:00:00.5+02:00"),
    ("Date Not Captured", "dmy", "Date Not Captured"),
    ("?", "dmy", "?"),
    ("", "dmy", ""),
])
def test_a_date_in_the_declared_order_becomes_iso(text: str, order: str, expected: str) -> None:
    assert iso_date(text, order) == expected


@pytest.mark.parametrize(("text", "order"), [
    ("1/13/2016", "dmy"), ("29/2/2015", "dmy"), ("2026-02-01", "dmy"), ("Jun 2 2006", "dmy"), ("1/2/2016 25:00", "dmy"), ("1/2/2016 13:00 PM", "dmy"),
])
def test_a_date_that_cannot_be_one_in_the_declared_order_is_not_bent(text: str, order: str) -> None:
    with pytest.raises(ValueError, match="declared order"):
        iso_date(text, order)


@pytest.mark.parametrize(("text", "mark", "expected"), [
    ("1.234,56", ",", "1234.56"), ("1,234.56", ".", "1234.56"), ("1'234.5", ".", "1234.5"), ("1 234,5", ",", "1234.5"), ("-,5", ",", "-.5"), ("+7", ".", "7"),
    ("0010", ".", "0010"), ("n/a", ",", "n/a"), ("12.5", ".", "12.5"),
])
def test_a_number_with_the_declared_mark_becomes_plain(text: str, mark: str, expected: str) -> None:
    assert plain_number(text, mark) == expected


@pytest.mark.parametrize(("text", "mark"), [("12.5", ","), ("1,23.4", "."), ("1.2345,6", ","), ("1,2,3", ",")])
def test_a_number_that_cannot_be_one_with_the_declared_mark_is_not_bent(text: str, mark: str) -> None:
    with pytest.raises(ValueError, match="declared decimal mark"):
        plain_number(text, mark)


def test_a_declared_date_keeps_what_stood_in_the_file_beside_it(tmp_path: Path) -> None:
    lander = Lander(tmp_path, {"days": {"pattern": "*.csv", "key": ["id"], "dates": {"day": "dmy"}}})
    lander.drop("days.csv", "id,day\n1,2/3/2026\n2,unknown\n")
    lander.drop("wrong.csv", "id,day\n3,3/14/2026\n")
    lander.drop("without.csv", "id,other\n3,3/14/2026\n")
    lander.read()
    assert lander.rows == {"1": {"id": "1", "day": "2026-03-02", "day_as_written": "2/3/2026"}, "2": {"id": "2", "day": "unknown"}}
    assert "row 1, day: not a date in the declared order dmy" in lander.notes["wrong.csv"]
    assert "no column 'day'" in lander.notes["without.csv"]


# ---- real exports

REAL = os.environ.get("MERIDIAN_REAL_DATA")


@pytest.mark.skipif(not REAL, reason="MERIDIAN_REAL_DATA is not set")
@pytest.mark.parametrize(("settings", "rows", "columns"), [
    ({"pattern": "servicenow_incident_log.csv.gz", "dates": {"opened_at": "dmy", "resolved_at": "dmy"}}, 141_712, 36),
    ({"pattern": "supplier_deliveries.csv.gz", "key": ["ID"], "dates": {"Scheduled Delivery Date": "dmy", "Delivered to Client Date": "dmy"}}, 10_324, 33),
    ({"pattern": "online_retail_orders.parquet"}, 541_909, 8),
])
def test_a_real_export_is_read_to_its_last_row(tmp_path: Path, settings: dict[str, Any], rows: int, columns: int) -> None:
    connector = files.connect("real", {"folder": REAL, "streams": {"it": settings}}, home=tmp_path)
    count, names, largest = 0, set(), 0
    for page in connector.read(connector.streams()[0], WINDOW):
        count += len(page.records)
        largest = max(largest, len(page.records))
        names |= {name for name in page.records[0] if not name.startswith("_") and not name.endswith("_as_written")}
        if not page.position["file"]:
            assert page.notes == {settings["pattern"]: f"{rows} rows taken"}
    assert (count, len(names), largest) == (rows, columns, 5_000)


# ---- what is personal

ROSTERS = {"rosters": {"pattern": "rosters*.csv", "key": ["agent", "day"], "personal": {"agent": "email", "born": "text"}, "dates": {"born": "dmy"}}}


def test_a_column_that_is_said_to_be_personal_must_be_there_for_under_another_name_it_would_land_as_it_is(tmp_path: Path) -> None:
    lander = Lander(tmp_path, ROSTERS)
    lander.drop("rosters.csv", "agnet,agent,day\na@b.example,x,1\n")
    lander.streams = {"rosters": {**ROSTERS["rosters"], "dates": {}}}
    assert lander.read()
    assert "it has no column 'born', which is said to be personal" in lander.notes["rosters.csv"] and not lander.rows


def test_the_text_that_a_declared_date_was_written_in_is_as_personal_as_the_date(tmp_path: Path) -> None:
    declared = Lander(tmp_path, ROSTERS).connect().streams()[0]
    assert declared.personal == {"agent": "email", "born": "text", "born_as_written": "text"}


def test_a_kind_that_does_not_exist_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="personal agent is 'e-mail' — did you mean 'email'"):
        Lander(tmp_path, {"rosters": {**ROSTERS["rosters"], "personal": {"agent": "e-mail"}}}).connect()


def test_our_own_copies_are_for_nobody_else_and_no_key_is_kept_in_clear(tmp_path: Path) -> None:
    lander = Lander(tmp_path, {"rosters": {**ROSTERS["rosters"], "personal": {"agent": "email"}, "dates": {}}}, page_size=1)
    connector = files.connect("drop", {"folder": str(lander.folder), "streams": lander.streams}, home=lander.home, page_size=1, seal=lambda stream, key: f"sealed {len(key)}")
    lander.drop("rosters.csv", "agent,day\nann@b.example,1\nbob@b.example,12\n")
    pages = connector.read(connector.streams()[0], WINDOW)
    next(pages)
    copies = [path for path in (lander.home / "files").rglob("*") if path.is_file()]
    assert {path.suffix for path in copies} == {"", ".keys"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in copies if not path.suffix)
    assert all(b"@" not in gzip.decompress(path.read_bytes()) for path in copies if path.suffix)
    list(pages)
    assert {path.suffix for path in (lander.home / "files").rglob("*") if path.is_file()} == {".keys"}


def test_a_new_declaration_of_what_is_personal_reads_the_file_again(costs: Lander) -> None:
    costs.drop("costs.csv", table(("A", "2026-01-01", 1)))
    assert costs.read()
    costs.streams = {"costs": {**costs.streams["costs"], "personal": {"unit": "name"}}}
    before = len(costs.landed)
    assert costs.read() and len(costs.landed) > before


def test_an_export_of_a_table_that_is_known_has_the_same_in_it_as_the_table(tmp_path: Path) -> None:
    declared = {"pattern": "tickets*.jsonl", "key": ["id"], "feeds": "zendesk.tickets"}
    assert Lander(tmp_path, {"tickets": declared}).connect().streams()[0].personal["subject"] == "text"
    own = Lander(tmp_path, {"tickets": {**declared, "personal": {"subject": "impersonal", "caller": "phone"}}})
    assert {name: own.connect().streams()[0].personal[name] for name in ("subject", "caller", "recipient")} == {"subject": "impersonal", "caller": "phone", "recipient": "email"}
    own.drop("tickets.jsonl", '{"id": 1, "caller": "030"}\n')
    assert own.read() and set(own.rows) == {"1"}, "only what was said by hand must be there"
