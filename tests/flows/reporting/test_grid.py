"""The grid as people see it: every day in its place, every reason once, nothing of a source's words taken for markup."""

from __future__ import annotations

from datetime import date, timedelta

from flows.reporting import grid
from flows.store.grid import Cell

FIRST = date(2026, 2, 26)
STATES = ("done", "empty", "failed", "failed", "skipped", "restated")
CELLS = [
    Cell(source="desk", stream="tickets", kind="zendesk", day=FIRST + timedelta(days=number), state=state, why="<b>503</b> | gone" if state == "failed" else None)
    for number, state in enumerate(STATES)      # type: ignore[arg-type]
]


def test_at_a_terminal_a_sign_stands_below_its_day_and_neighbours_share_a_reason() -> None:
    lines = grid.text(CELLS).splitlines()
    assert lines[:3] == ["                 2026-03", "              678123", "desk/tickets  ■·✖✖s±"]
    assert "desk/tickets 2026-02-28 – 2026-03-01: failed: <b>503</b> | gone" in lines
    assert "✖ 失败 2" in grid.text(CELLS, "zh-CN") and grid.text([]) == ""
    assert grid.text(CELLS, paint=lambda sign, colour: f"<{colour}>").splitlines()[2].endswith("<green><bright_black><red><red><bright_blue><magenta>")


def test_more_days_than_a_terminal_has_columns_share_signs_and_the_gravest_shows() -> None:
    days = [date(2025, 5, 1) + timedelta(days=number) for number in range(540)]
    states = {date(2025, 5, 20): "failed", date(2026, 1, 1): "missing"}
    cells = [Cell(source="desk", stream="tickets", kind="zendesk", day=day, state=states.get(day, "done" if day.day % 2 else "empty")) for day in days]  # type: ignore[arg-type]
    assert len(grid.text(cells).splitlines()[2]) == 14 + 540
    weeks = grid.text(cells, columns=100).splitlines()
    assert weeks[1] == "desk/tickets  " + "■■■✖" + "■" * 31 + "?" + "■" * 42 and "A sign is a week: the gravest of its days." in weeks
    assert weeks[0].startswith(" " * 14 + "2025-05   2025-07 2025-09  2025-11") and max(map(len, weeks[:3])) <= 100
    months = grid.text(cells, "zh-CN", columns=60).splitlines()
    assert months[1] == "desk/tickets  " + "✖■■■■■■■?■■■■■■■■■" and "一个符号是一个月：取其中最严重的一天。" in months
    assert "✖ failed 1" in weeks[5], "what is counted are days"


def test_in_the_prefect_ui_half_a_month_is_a_row() -> None:
    lines = grid.markdown(CELLS, ("en", "zh-CN")).splitlines()
    assert "| `desk/tickets` | 2026-02-26 … 28 | 🟩⬜🟥 |" in lines and "|  | 2026-03-01 … 03 | 🟥🟫🟪 |" in lines
    assert "- desk/tickets 2026-02-28 – 2026-03-01: failed: &lt;b>503&lt;/b> \\| gone" in lines


def test_the_page_shows_why_and_needs_nothing_from_elsewhere() -> None:
    page = grid.page(CELLS, "Ours & theirs")
    assert page.count("<td ") == 6 and "Ours &amp; theirs" in page and "&lt;b&gt;503" in page and "<b>" not in page and "http" not in page
