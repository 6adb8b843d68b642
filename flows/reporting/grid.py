"""The grid of days and streams as people see it: at a terminal, in the Prefect UI, as a page."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import groupby

from flows.reporting.scorecard import Language
from flows.store.grid import Cell, State

# sign and colour at a terminal, square in Markdown, colour of the page, names
LOOKS: Mapping[State, tuple[str, str, str, str, str, str]] = {
    "done": ("■", "green", "🟩", "#2e9e5b", "done", "已读取"),
    "empty": ("·", "bright_black", "⬜", "#e4e7eb", "empty", "无数据"),
    "restated": ("±", "magenta", "🟪", "#8e5bd0", "restated", "数字已更正"),
    "missing": ("?", "yellow", "🟨", "#f2c744", "missing", "缺失"),
    "queued": ("…", "cyan", "🔷", "#9cc9f0", "queued", "排队"),
    "running": ("▶", "blue", "🟦", "#2f7fd1", "running", "进行中"),
    "failed": ("✖", "red", "🟥", "#d64545", "failed", "失败"),
    "skipped": ("s", "bright_blue", "🟫", "#a98467", "skipped on purpose", "人为跳过"),
    "out of reach": ("-", "bright_black", "⬛", "#9aa5b1", "out of reach", "无法回溯"),
}
TITLE: Mapping[Language, str] = {"en": "Days and streams", "zh-CN": "日期与数据流"}
REMARKS: Mapping[Language, str] = {"en": "Remarks", "zh-CN": "备注"}
WORTH_A_REMARK = ("failed", "skipped", "missing", "restated", "out of reach")
PAINT = Callable[[str, str], str]
# Of days that share a sign, the first that one of them is.
GRAVEST: tuple[State, ...] = ("failed", "running", "queued", "missing", "skipped", "restated", "done", "empty", "out of reach")
STRETCHES: tuple[tuple[Callable[[date], object], Mapping[Language, str]], ...] = (
    (lambda day: day, {"en": "", "zh-CN": ""}),
    (lambda day: day.isocalendar()[:2], {"en": "A sign is a week: the gravest of its days.", "zh-CN": "一个符号是一周：取其中最严重的一天。"}),
    (lambda day: (day.year, day.month), {"en": "A sign is a month: the gravest of its days.", "zh-CN": "一个符号是一个月：取其中最严重的一天。"}),
)


def name_of(state: State, language: Language = "en") -> str:
    return LOOKS[state][5 if language == "zh-CN" else 4]


def text(
    cells: Sequence[Cell], language: Language = "en", *, paint: PAINT = lambda sign, colour: sign, remarks: int = 30, columns: int | None = None,
) -> str:
    """A line a stream, a sign a day; below it what the signs mean and why cells are as they are.

    paint: puts a colour around a sign. columns: of the terminal; where the days are more, a sign is a week, or a month.
    """
    if not cells:
        return ""
    days = sorted({cell.day for cell in cells})
    width = max(len(_stream(cell)) for cell in cells)
    of, said_of = next((one for one in STRETCHES if columns is None or len({one[0](day) for day in days}) + width + 2 <= columns), STRETCHES[-1])
    firsts = [next(same) for _, same in groupby(days, key=of)]
    lines = [f"{'':<{width}}  {_months(firsts, is_by_day=firsts == days)}"]
    lines += [f"{'':<{width}}  {''.join(str(day.day % 10) for day in days)}"] if firsts == days else []
    for stream, row in _rows(cells):
        states = [min((cell.state for cell in same), key=GRAVEST.index) for _, same in groupby(row, key=lambda cell: of(cell.day))]
        lines.append(f"{stream:<{width}}  " + "".join(paint(LOOKS[state][0], LOOKS[state][1]) for state in states))
    lines += ["", said_of[language]] if said_of[language] else []
    lines += ["", "  ".join(f"{paint(LOOKS[state][0], LOOKS[state][1])} {name_of(state, language)} {count:,}" for state, count in _counts(cells))]
    said = remarks_of(cells, language)
    lines += ["", *said[:remarks], *([f"... {len(said) - remarks} more: --html"] if len(said) > remarks else [])] if said else []
    return "\n".join(lines)


def _months(days: Sequence[date], *, is_by_day: bool) -> str:
    """A month's name above the first sign that begins in it, as far as there is room: a month of days goes before what was left of the one before."""
    line = ""
    for number, day in enumerate(days):
        is_new = number == 0 or (day.year, day.month) != (days[number - 1].year, days[number - 1].month)
        has_room = len(line) < number or number == 0
        if is_new and (has_room or is_by_day):
            line = (line if has_room else "").ljust(number) + f"{day:%Y-%m}"
    return line


def remarks_of(cells: Sequence[Cell], language: Language = "en") -> list[str]:
    """Why cells are as they are: neighbours of one stream that say the same, in one line."""
    said = []
    wanted = (cell for cell in cells if cell.state in WORTH_A_REMARK and (cell.why or cell.state == "restated"))
    for (stream, state, why, who, version), same in groupby(wanted, key=lambda cell: (_stream(cell), cell.state, cell.why, cell.who, cell.restated_in)):
        days = [cell.day for cell in same]
        when = f"{days[0]}" if days[0] == days[-1] else f"{days[0]} – {days[-1]}"
        by = f" ({who})" if state == "skipped" and who else ""
        said.append(f"{stream} {when}: {name_of(state, language)}{by}: {why or version}")
    return said


def markdown(cells: Sequence[Cell], languages: Sequence[Language] = ("en",)) -> str:
    """For the Prefect UI: a row a stream and half a month (more squares are cut off there), a coloured square a day."""
    legend = " · ".join(f"{LOOKS[state][2]} {' / '.join(name_of(state, one) for one in languages)} {count:,}" for state, count in _counts(cells))
    lines = [f"## {' / '.join(TITLE[one] for one in languages)}", "", legend, "", "| | | |", "|---|---|---|"]
    for stream, row in _rows(cells):
        for number, (_, same) in enumerate(groupby(row, key=lambda cell: (cell.day.year, cell.day.month, cell.day.day > 15))):
            half = list(same)
            span = f"{half[0].day:%Y-%m-%d} … {half[-1].day:%d}"
            lines.append(f"| {f'`{stream}`' if number == 0 else ''} | {span} | {''.join(LOOKS[cell.state][2] for cell in half)} |")
    if said := remarks_of(cells, languages[0]):
        lines += ["", f"### {' / '.join(REMARKS[one] for one in languages)}", "", *(f"- {_escaped(line)}" for line in said[:100])]
    return "\n".join(lines)


def page(cells: Sequence[Cell], company: str, language: Language = "en") -> str:
    """A page of its own, without anything from elsewhere: the pointer on a square shows what became of that day and why."""
    days = sorted({cell.day for cell in cells})
    heads = "".join(f"<th{' class=first' if day.day == 1 else ''}>{day:%d}<br><small>{day:%m}</small></th>" for day in days)
    rows = "".join(
        f"<tr><th>{html.escape(stream)}</th>{''.join(_square(cell, language) for cell in row)}</tr>" for stream, row in _rows(cells))
    legend = " ".join(f'<span><i style="background:{LOOKS[state][3]}"></i>{name_of(state, language)} {count:,}</span>' for state, count in _counts(cells))
    remarks = "".join(f"<li>{html.escape(line)}</li>" for line in remarks_of(cells, language))
    span = f"{days[0]} – {days[-1]}" if days else ""
    return f"""<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{TITLE[language]}</title><style>
body{{font:14px system-ui,sans-serif;margin:2em;color:#1f2933}} table{{border-collapse:separate;border-spacing:2px}} th{{font-weight:normal;text-align:left}}
thead th{{font-size:11px;text-align:center;color:#616e7c}} td{{width:16px;height:16px;border-radius:3px}} .first{{border-left:2px solid #9aa5b1}}
tbody th{{position:sticky;left:0;background:#fff;padding-right:1em;white-space:nowrap}} .grid{{overflow-x:auto}}
span{{margin-right:1.2em;white-space:nowrap}} i{{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:.4em}}
</style><h1>{TITLE[language]}</h1><p>{html.escape(company)} · {span}</p><p>{legend}</p>
<div class="grid"><table><thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>
<h2>{REMARKS[language]}</h2><ul>{remarks or '<li>–</li>'}</ul></html>"""


def _square(cell: Cell, language: Language) -> str:
    told = [f"{cell.day} {name_of(cell.state, language)}", cell.why, cell.who and f"by {cell.who}", cell.met is not None and f"{cell.met:,} records",
            cell.restated_in]
    return f'<td style="background:{LOOKS[cell.state][3]}" title="{html.escape(chr(10).join(str(one) for one in told if one))}"></td>'


def _counts(cells: Sequence[Cell]) -> list[tuple[State, int]]:
    count = Counter(cell.state for cell in cells)
    return [(state, count[state]) for state in LOOKS if count[state]]


def _rows(cells: Sequence[Cell]) -> list[tuple[str, list[Cell]]]:
    return [(stream, list(row)) for stream, row in groupby(cells, key=_stream)]


def _stream(cell: Cell) -> str:
    return f"{cell.source}/{cell.stream}"


def _escaped(line: str) -> str:
    return line.replace("|", "\\|").replace("<", "&lt;")
