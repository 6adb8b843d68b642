"""Dropped files: the truth is what lies in the folder. A file each for what was created together; changing a record is dropping its file anew."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import files
from connectors.stream import Json

STREAMS = {
    "tickets": {"pattern": "tickets*.jsonl", "key": ["id"]},
    "moves": {"pattern": "moves/*.jsonl.gz", "key": ["id", "part"]},
    "targets": {"pattern": "targets*.csv", "key": ["id"]},
    "remarks": {"pattern": "remarks*.csv", "delimiter": ";", "encoding": "utf-16"},       # without a key: file and row
}
NAMES = {"tickets": "tickets-{:04d}.jsonl", "moves": "moves/{:04d}.jsonl.gz", "targets": "targets-{:04d}.csv", "remarks": "remarks-{:04d}.csv"}


class FilesSubject:
    kind = "files"
    streams = tuple(STREAMS)
    safe_after = timedelta(0)
    url = ""

    def __init__(self, home: Path) -> None:
        self._home, self._folder = home, home / "drop"
        (self._folder / "moves").mkdir(parents=True)
        self._now, self._number = datetime(2026, 11, 1, 2, 30, tzinfo=UTC), 0
        self._files: dict[str, dict[str, list[dict[str, Any]]]] = {stream: {} for stream in STREAMS}      # stream -> name -> rows

    def connect(self, *, url: str | None = None, memory: Callable[[str], Json] | None = None, now: Callable[[], datetime]) -> files.Files:
        return files.connect("drop", {"folder": str(self._folder), "streams": STREAMS}, home=self._home / "home", memory=memory, page_size=3)

    def now(self) -> datetime:
        return self._now

    def advance(self, delta: timedelta) -> None:
        self._now += delta

    def create(self, stream: str, count: int) -> list[str]:
        rows = [self._row(stream) for _ in range(count)]
        self._write(stream, NAMES[stream].format(self._number), rows)
        return [key for key, record in self.truth(stream).items() if any(row["id"] == record["id"] for row in rows)]

    def update(self, stream: str, key: str) -> None:
        name, place = self._find(stream, key)
        self._number += 1
        rows = [dict(row) for row in self._files[stream][name]]
        rows[place]["said"] = f"changed {self._number}"
        self._write(stream, name, rows)

    def remove(self, stream: str, key: str) -> bool:
        name, place = self._find(stream, key)
        self._write(stream, name, [row for number, row in enumerate(self._files[stream][name]) if number != place])
        return True

    def truth(self, stream: str) -> dict[str, Json]:
        return {key: record for name in self._files[stream] for key, record in self._keyed(stream, name)}

    def drift(self, stream: str) -> None:
        if self._files[stream]:
            name = min(self._files[stream])
            deeper: Json = {"deep": [None, {"deeper": 1.5}]} if stream in ("tickets", "moves") else "text"
            self._write(stream, name, [{**row, "novel": deeper, "said": deeper} for row in self._files[stream][name]])

    def odd(self, stream: str, value: Any) -> str:
        is_text = stream in ("targets", "remarks")
        if is_text and not isinstance(value, str):
            return ""
        row = self._row(stream) | {"said": value}
        name = NAMES[stream].format(self._number)
        self._write(stream, name, [row])
        return self._keyed(stream, name)[0][0]

    # ---- small parts

    def _row(self, stream: str) -> dict[str, Any]:
        self._number += 1
        number: int | str = str(self._number) if stream in ("targets", "remarks") else self._number
        return {"id": number, "part": f"p{self._number}", "said": "at first", "at": self._now.isoformat()}

    def _keyed(self, stream: str, name: str) -> list[tuple[str, dict[str, Any]]]:
        rows = self._files[stream][name]
        if stream == "remarks":
            return [(f"{name}|{number}", {**row, "_file": name, "_row": number}) for number, row in enumerate(rows, start=1)]
        return [("|".join(str(row[part]) for part in STREAMS[stream]["key"]), row) for row in rows]

    def _find(self, stream: str, key: str) -> tuple[str, int]:
        return next((name, place) for name in self._files[stream] for place, (its, _) in enumerate(self._keyed(stream, name)) if its == key)

    def _write(self, stream: str, name: str, rows: list[dict[str, Any]]) -> None:
        """Whole or not at all, as a decent exporter does it."""
        path, said = self._folder / name, io.StringIO()
        if name.endswith(".csv"):
            columns = list(rows[0]) if rows else ["id", "part", "said", "at"]
            writer = csv.DictWriter(said, columns, delimiter=STREAMS[stream].get("delimiter", ","))
            writer.writeheader()
            writer.writerows(rows)
        else:
            said.writelines(json.dumps(row) + "\n" for row in rows)
        content = said.getvalue().encode(str(STREAMS[stream].get("encoding", "utf-8")))
        aside = path.with_name(f"{path.name}.tmp")
        aside.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        aside.replace(path)
        self._files[stream][name] = rows


@contextmanager
def running(tmp_path: Path) -> Iterator[FilesSubject]:
    yield FilesSubject(tmp_path)
