"""Run the tests that stand in a playbook's file: rows in, what becomes of each."""

from __future__ import annotations

from typing import Any

from flows.automation import gone
from flows.automation.plan import OF_MODE, chosen, over_cap, plain, work_of
from flows.automation.playbook import COLUMNS, Case, Playbook

_FILLED: dict[str, Any] = {**dict.fromkeys(COLUMNS, ""), "severity": "act", "value": 1.0, "threshold": 0.0}


def failures(playbook: Playbook) -> list[str]:
    """One line for each test of the playbook that does not hold: what it says, and what the playbook does."""
    found = []
    for case in playbook.tests:
        does = run(playbook, case)
        wanted = {"says": dict(case.says), "over": case.over, "asks": list(case.asks)}
        for what, given in (("writes", case.writes), ("gone", case.gone)):
            wanted[what] = {key: list(value) for key, value in given.items()}
            does[what] = {key: does[what].get(key, []) for key in given}
        wrong = [f"{what}: expected {wanted[what]}, it has {does[what]}" for what in wanted if wanted[what] != does[what]]
        if wrong:
            found.append(f"{playbook.playbook}: {case.holds!r} does not hold: {'; '.join(wrong)}")
    return found


def run(playbook: Playbook, case: Case) -> dict[str, Any]:
    """What becomes of each row, as in a first night in which every alert that the playbook waits for fires for every row."""
    mode = case.mode or playbook.mode
    rows = [{**_FILLED, **{name: plain(value) for name, value in row.items()}, **dict.fromkeys(("evidence_en", "evidence_zh"), row.get("evidence", ""))}
            for row in case.rows]
    mine = {row["work_key"] for row in chosen(playbook.model_copy(update={"when": playbook.when.model_copy(update={"alert": None})}), rows, ())}
    works = [work_of(playbook, row) for row in rows if row["work_key"] in mine]
    can = [work for work in works if not work.lacking]
    over = over_cap(playbook, [work.row for work in can], all_rows=case.all_rows or len(rows), today=case.today) if mode == "auto" else ""
    verdict = "asks" if over else OF_MODE[mode]
    says: dict[str, str] = {row["work_key"]: "nothing" for row in rows}
    says |= {work.key: "nothing" if mode == "off" else "is handed over" if work.lacking else verdict for work in works}
    return {"says": says, "over": over.partition(":")[0], "asks": list(playbook.approvers) if "asks" in says.values() else [],
            "writes": {work.key: [dict(write.parameters) for write in work.writes] for work in works},
            "gone": {work.key: [dict(write.parameters) for write in work_of(gone.closing(playbook), work.row).writes]
                     for work in works if playbook.when_gone}}
