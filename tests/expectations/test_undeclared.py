"""A field that looks as if it told of a person is reported once nobody has said what it is; its values are quoted nowhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from expectations.drift import infer
from expectations.undeclared import look


def looks(folder: Path, records: list[dict[str, Any]], *declared: str) -> dict[str, str]:
    """field -> what is said of it."""
    path = folder / "batch.jsonl"
    path.write_text("".join(json.dumps({"key": str(number), "deleted": False, "record": record}) + "\n" for number, record in enumerate(records)))
    report = look([path], infer([path]), source="desk", stream="tickets", is_declared=lambda field: field in declared, own_domains={"company.example"})
    assert report.passed, "it never stops anything"
    assert "mia" not in str(report.as_rows())
    return {result.check.removeprefix("personal_fields_are_declared(").removesuffix(")"): str(result.observed) for result in report.results}


def test_addresses_are_found_wherever_they_stand_and_fields_by_what_they_are_called(tmp_path: Path) -> None:
    record = {"id": 1, "mood": "ask mia@mail.example", "copies": [{"to": ["Mia <mia@mail.example>"]}], "mobilePhone": "0170 12", "via": {"first_name": "Mia"}, "手机": "1"}
    assert looks(tmp_path, [{"id": 2}, record]) == {
        "mobilePhone": "is called like something personal", "via.first_name": "is called like something personal", "手机": "is called like something personal",
        "copies.to": "holds e-mail addresses", "mood": "holds e-mail addresses"}


def test_what_is_declared_hashed_our_own_or_only_sounds_alike_is_not_reported(tmp_path: Path) -> None:
    record = {"mood": "mia@mail.example", "phone": "hashed-1", "agent": "ann@company.example", "emailed_at": "2026-01-01", "phone_id": 17, "name": "lamp", "at": "@home"}
    assert looks(tmp_path, [record] * 3, "mood", "phone") == {}
    assert looks(tmp_path, []) == {}
