"""Reading one file, row by row: CSV, JSON lines (both also as .gz), XLSX and Parquet.

Values land as they stand in the file: every CSV field is text; XLSX and Parquet values keep their JSON type, instants become ISO text. Two things may be
declared per column, because nobody can guess them and staging must not: the order of day and month, and the decimal mark.
A declared date or number is rewritten to ISO (2016-02-29T01:16:00) or plain (1234.56) form under its own name, and what stood in the file is
kept under `<column>_as_written`. What does not look like a date or number at all ("Date Not Captured") stays as it is; what looks like one but
cannot be one under the declaration (13 as a month) makes the file broken, because then the declaration is wrong.
"""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import math
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Literal

from connectors.stream import Json

Format = Literal["csv", "jsonl", "xlsx", "parquet"]
Row = dict[str, Json]

AS_WRITTEN = "_as_written"
ORDERS = ("dmy", "mdy", "ymd")
MONTHS = {name: number for number, names in enumerate(
    ("jan january januar", "feb february februar", "mar march mär märz", "apr april", "may mai", "jun june juni", "jul july juli", "aug august",
     "sep sept september", "oct october okt oktober", "nov november", "dec december dez dezember"), start=1) for name in names.split()}
DATE = re.compile(r"(\d{1,4}|[^\W\d_]{3,9})\s?[-/. ]\s?(\d{1,2}|[^\W\d_]{3,9}\.?)[-/. ,]\s?(\d{1,4})"
                  r"(?:[T ,]\s*(\d{1,2}):(\d{2})(?::(\d{2})(\.\d+)?)?\s*([AaPp]\.?[Mm]\.?)?\s*(Z|[+-]\d{2}:?\d{2})?)?")
LONGEST_FIELD = 16 * 1024 * 1024


class Broken(Exception):
    """The file cannot be read as declared. The text is for the person who dropped it."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How a stream's files are to be read. dates: column -> dmy, mdy or ymd; numbers: column -> its decimal mark, ',' or '.'."""

    format: Format
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    sheet: str | None = None
    dates: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    most_bytes: int = 8 * 1024**3   # of the unpacked content: a few kilobytes of zip or gzip can hold terabytes


def rows(path: Path, shape: Shape, *, is_packed: bool) -> Iterator[Row]:
    """Every row of a file, in its order. Raises Broken, also after rows have been given out: read it through before you use any."""
    readers = {"csv": _csv, "jsonl": _json_lines, "xlsx": _xlsx, "parquet": _parquet}
    number = 0
    try:
        for number, row in enumerate(readers[shape.format](path, shape, is_packed), start=1):
            yield _rewritten(row, shape, number) if shape.dates or shape.numbers else row
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Broken(f"the gzip file is damaged or was cut off after {number} rows ({error})") from None
    except UnicodeDecodeError as error:
        raise Broken(f"it is not {shape.encoding}: {error.reason} near row {number + 1}; export it as {shape.encoding}, or declare its encoding") from None


# ---- the formats

class _Bounded(io.RawIOBase):
    """A binary file that ends in Broken instead of filling the memory or the disk."""

    def __init__(self, inner: BinaryIO, most: int) -> None:
        self._inner, self._left = inner, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._inner.read(len(buffer))
        self._left -= len(piece)
        if self._left < 0:
            raise Broken("it unpacks to more bytes than this source allows")
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._inner.close()
        super().close()


def _text(path: Path, shape: Shape, is_packed: bool) -> io.TextIOWrapper:
    binary: BinaryIO = gzip.open(path, "rb") if is_packed else path.open("rb")   # type: ignore[assignment]  # noqa: SIM115 - _Bounded closes it
    encoding = "utf-8-sig" if shape.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else shape.encoding   # Excel writes a byte order mark
    return io.TextIOWrapper(io.BufferedReader(_Bounded(binary, shape.most_bytes), 256 * 1024), encoding=encoding, newline="")


def _csv(path: Path, shape: Shape, is_packed: bool) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_FIELD)
    with _text(path, shape, is_packed) as text:
        lines = csv.reader(text, delimiter=shape.delimiter, quotechar=shape.quote, strict=True)
        try:
            header = next(lines, None)
            if header is None:
                raise Broken("it is empty: not even a header line")
            names = _names(header)
            for fields in lines:
                if len(fields) != len(names):
                    if not fields:
                        continue
                    raise Broken(f"line {lines.line_num} has {len(fields)} fields where the header has {len(names)}")
                yield dict(zip(names, fields, strict=True))
        except csv.Error as error:
            raise Broken(f"line {lines.line_num}: {error}") from None


def _json_lines(path: Path, shape: Shape, is_packed: bool) -> Iterator[Row]:
    with _text(path, shape, is_packed) as text:
        for number, line in enumerate(text, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line, parse_constant=_no_constant)
            except (ValueError, RecursionError) as error:
                raise Broken(f"line {number} is not JSON ({error})") from None
            if not isinstance(row, dict):
                raise Broken(f"line {number} is not a JSON object")
            yield row


def _xlsx(path: Path, shape: Shape, is_packed: bool) -> Iterator[Row]:
    from openpyxl import load_workbook  # 0.2 s that only those who read XLSX pay

    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > shape.most_bytes:
                raise Broken("it unpacks to more bytes than this source allows")
        book = load_workbook(io.BytesIO(path.read_bytes()), read_only=True, data_only=True)   # a path must end in .xlsx; our copies do not
    except Broken:
        raise
    except Exception as error:   # openpyxl raises whatever the damaged part makes it stumble over
        raise Broken(f"it is not a readable XLSX file ({type(error).__name__})") from None
    with closing(book):
        if shape.sheet is not None and shape.sheet not in book.sheetnames:
            raise Broken(f"it has no sheet {shape.sheet!r}, only {', '.join(book.sheetnames)}")
        sheet = book[shape.sheet] if shape.sheet is not None else book.worksheets[0]
        names: list[str] | None = None
        try:
            for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
                values = list(cells)
                while values and values[-1] is None:
                    values.pop()
                if not values:
                    continue
                if names is None:
                    names = _names(["" if value is None else str(value) for value in values])
                    continue
                if len(values) > len(names):
                    raise Broken(f"row {number} has {len(values)} cells where the header has {len(names)}")
                yield {name: _plain(value) for name, value in zip(names, values + [None] * (len(names) - len(values)), strict=True)}
        except (zipfile.BadZipFile, zlib.error, SyntaxError, KeyError, ValueError) as error:
            raise Broken(f"its sheet is damaged ({type(error).__name__})") from None
        if names is None:
            raise Broken("it is empty: not even a header row")


def _parquet(path: Path, shape: Shape, is_packed: bool) -> Iterator[Row]:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=5_000):
                for row in batch.to_pylist():
                    yield {name: _plain(value) for name, value in row.items()}
    except (pyarrow.ArrowException, OSError) as error:
        raise Broken(f"it is not a readable Parquet file ({type(error).__name__})") from None


def _names(header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    if "" in names:
        raise Broken(f"column {names.index('') + 1} has no name in the header")
    twice = [str(number) for number, name in enumerate(names, start=1) if names.count(name) > 1]
    if twice:      # by number: what is taken for a header may be somebody's row
        raise Broken(f"the header has a name more than once: columns {', '.join(twice)}")
    return names


def _plain(value: Any) -> Json:
    """A cell as JSON. A midnight is a day: spreadsheets know no dates, only instants."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) and value.tzinfo is None else value.isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    return str(value)   # a Decimal among them: its text is exact


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


# ---- what is declared, not guessed

def _rewritten(row: Row, shape: Shape, number: int) -> Row:
    for column, declared in (*shape.dates.items(), *shape.numbers.items()):
        if column not in row:
            raise Broken(f"it has no column {column!r}, for which {declared!r} is declared")
        text = row[column]
        if not isinstance(text, str):
            continue   # a spreadsheet's own dates and numbers need no declaration
        try:
            plain = iso_date(text, declared) if column in shape.dates else plain_number(text, declared)
        except ValueError as error:      # without the value itself, which may be somebody's birthday: it stands in the file, in this row
            raise Broken(f"row {number}, {column}: {error}") from None
        if plain != text:
            if column + AS_WRITTEN in row:
                raise Broken(f"its column {column}{AS_WRITTEN} is where the text of {column} is to be kept; rename it")
            row[column + AS_WRITTEN] = text
            row[column] = plain
    return row


def iso_date(text: str, order: str) -> str:
    """ISO text of a date or instant written in `order`; text that is no date is given back. ValueError: a date that cannot be one in this order.

    >>> iso_date("29/2/2016 01:16", "dmy"), iso_date("2-Jun-06", "dmy"), iso_date("Date Not Captured", "dmy")
    ('2016-02-29T01:16:00', '2006-06-02', 'Date Not Captured')
    """
    match = DATE.fullmatch(text.strip())
    if match is None:
        return text
    parts = dict(zip(order, match.group(1, 2, 3), strict=True))
    day, month, year = parts["d"], parts["m"].lower().rstrip("."), parts["y"]
    if not month.isdigit() and month not in MONTHS:
        if any(part.lower().rstrip(".") in MONTHS for part in match.group(1, 2)):
            raise ValueError(f"not written in the declared order {order}")
        return text
    wrong = f"not a date in the declared order {order}"
    if not day.isdigit() or not year.isdigit() or len(year) not in (2, 4) or len(day) > 2 or (len(month) > 2 and month.isdigit()):
        raise ValueError(wrong)
    whole_year = int(year) if len(year) == 4 else int(year) + (2000 if int(year) < 70 else 1900)
    hour, minute, second, fraction, half, offset = match.group(4, 5, 6, 7, 8, 9)
    try:
        on = date(whole_year, MONTHS.get(month) or int(month), int(day))
        if hour is None:
            return on.isoformat()
        hours = int(hour)
        if half:
            if not 1 <= hours <= 12:
                raise ValueError(wrong)
            hours = hours % 12 + (12 if half.lower().startswith("p") else 0)
        at = time(hours, int(minute), int(second or 0))
    except ValueError:
        raise ValueError(wrong) from None
    return f"{on.isoformat()}T{at.isoformat()}{fraction or ''}{offset or ''}"


def plain_number(text: str, mark: str) -> str:
    """A number without groups and with a point; text that is no number is given back. ValueError: a number that cannot be one with this mark.

    >>> plain_number("1.234,56", ","), plain_number("-12,5 ", ","), plain_number("See ASN-93", ",")
    ('1234.56', '-12.5', 'See ASN-93')
    """
    compact = re.sub(r"[\s\u00a0\u202f'’]", "", text)
    if not re.fullmatch(r"[+-]?[\d.,]*\d[\d.,]*", compact):
        return text
    group = "." if mark == "," else ","
    if not re.fullmatch(rf"[+-]?(\d+|\d{{1,3}}(\{group}\d{{3}})+)?(\{mark}\d*)?", compact):
        raise ValueError(f"not a number with the declared decimal mark {mark!r}")
    return compact.replace(group, "").replace(mark, ".").removeprefix("+")
