"""The company's registers: files in the folder that a `files` source reads, which people keep in a spreadsheet. We add rows, we change none that is not ours.

A file is written aside and renamed, under a lock that a kill releases: whoever reads it meanwhile has the old one whole or the new one whole.
"""

from __future__ import annotations

import csv
import fcntl
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from math import isfinite
from pathlib import Path
from typing import Any

from flows.automation.contract import Action, Kind, Parameters, Refused, State, Unavailable, Undo, Unrecognized
from flows.spreadsheets import is_formula

SETTLES = timedelta(seconds=0)          # a file is as it was, or as it should be
PROJECT = ("project", "unit", "kpi", "segment_type", "segment", "direction", "registered_on", "starts_on", "expected_effect", "guard_rails")
NEEDED = ("project", "kpi", "direction", "registered_on", "starts_on")


@dataclass(frozen=True, kw_only=True)
class Folder:
    path: Path
    projects: str

    @contextmanager
    def locked(self) -> Iterator[None]:
        with (self.path / f".{self.projects}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @property
    def file(self) -> Path:
        return self.path / self.projects


@contextmanager
def _open(options: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterator[Folder]:
    folder = Folder(path=Path(options["folder"]), projects=options.get("projects") or "projects.csv")
    if not folder.path.is_dir():
        raise Refused(f"there is no folder {folder.path}")
    yield folder


def _check(folder: Folder) -> str:
    return f"{folder.file}: {len(_read(folder)[1])} projects"


def _read(folder: Folder) -> tuple[list[str], list[dict[str, str]]]:
    if not folder.file.exists():
        return list(PROJECT), []
    try:
        text = folder.file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Unrecognized(f"{folder.file} is not UTF-8") from None
    except OSError as error:
        raise Unavailable(f"{folder.file}: {error.strerror}") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    header = list(reader.fieldnames or [])
    if lacking := [name for name in NEEDED if name not in header]:
        raise Unrecognized(f"{folder.file} has no column {lacking[0]!r}; it has {', '.join(header)}")
    return header, list(reader)


def _project(folder: Folder, given: Parameters, marker: str) -> State:
    _, rows = _read(folder)
    found = [row for row in rows if row["project"] == given["project"]]
    return {name: value for name, value in found[0].items() if value} if found else {}


def _wanted(given: Parameters, before: State) -> State:
    for name in ("registered_on", "starts_on"):
        try:
            date.fromisoformat(given[name])
        except ValueError:
            raise Refused(f"{name} is {given[name]!r}: write a day, for instance 2026-07-13") from None
    if given["starts_on"] <= given["registered_on"]:
        raise Refused("a project is registered before it starts, or nobody could tell whether it worked")
    if given["direction"] not in ("higher", "lower"):
        raise Refused(f"direction is {given['direction']!r}: higher or lower")
    return {name: given[name] for name in PROJECT if given.get(name) and not (name in ("segment_type", "segment") and given[name] == "all")}


def _add(folder: Folder, given: Parameters, before: State, marker: str) -> None:
    row = _wanted(given, before)
    # What a spreadsheet would take for a formula does not go into a file that people open in one; an effect of -0.1 is a number, and nothing else may be one.
    if odd := [name for name, value in row.items() if is_formula(str(value)) and not (name == "expected_effect" and _is_number(str(value)))]:
        raise Refused(f"{odd[0]} begins with {row[odd[0]][0]!r}, which a spreadsheet would run as a formula")
    with folder.locked():
        header, rows = _read(folder)
        if any(each["project"] == row["project"] for each in rows):
            return
        _write(folder, [*header, *(name for name in row if name not in header)], [*rows, dict(row)])


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def _gone(folder: Folder, given: Parameters, marker: str) -> State:
    return {"registered": "yes" if _project(folder, given, marker) else "no"}


def _take_out(folder: Folder, given: Parameters, before: State, marker: str) -> None:
    with folder.locked():
        header, rows = _read(folder)
        kept = [row for row in rows if row["project"] != given["project"]]
        if len(kept) < len(rows):
            _write(folder, header, kept)


def _write(folder: Folder, header: list[str], rows: list[dict[str, str]]) -> None:
    aside = folder.path / f".{folder.projects}.new"
    with aside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(folder.file)


KIND = Kind(name="register", options={"folder": "that the files source reads", "projects?": "the file's name; default projects.csv"}, secrets=(),
            open=_open, check=_check, paths=("folder",))

ACTIONS = (
    Action(
        name="register.add_project", does={"en": "Register an improvement project", "zh-CN": "登记改进项目"},
        parameters={"project": "its name", "kpi": "that it is to move", "direction": "higher or lower", "registered_on": "a day", "starts_on": "a later day",
                    "unit?": "whose it is", "segment_type?": "default all", "segment?": "default all", "expected_effect?": "for instance -0.1",
                    "guard_rails?": "KPIs that it must not spoil, by a comma"},
        repeat="A", settles=SETTLES, look=_project, wanted=_wanted, act=_add,
        undo=lambda given, before, after: Undo(action="register.take_out_project", parameters={"project": given["project"]}),
    ),
    Action(
        name="register.take_out_project", does={"en": "Take an improvement project out of the register", "zh-CN": "从登记册移除改进项目"},
        parameters={"project": "its name"}, repeat="A", settles=SETTLES, look=_gone, wanted=lambda given, before: {"registered": "no"}, act=_take_out,
    ),
)
