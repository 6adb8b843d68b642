"""Pictures of a report, as SVG to stand within a page. Colours are told apart by everybody (Okabe and Ito, "Color Universal Design")."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from flows.reporting.review import Point

BLUE, ORANGE, VERMILION, GREEN, GREY = "#0072B2", "#E69F00", "#D55E00", "#009E73", "#8a8f98"
FONTS = ["Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "DejaVu Sans", "sans-serif"]


def trend(values: Sequence[float | None], *, width: int = 120, height: int = 26) -> str:
    """A line without axes; a gap where there was nothing, a dot on the latest value."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    low, span = min(known), (max(known) - min(known)) or 1.0
    places = [None if value is None else (3 + number * (width - 6) / (len(values) - 1), height - 4 - (value - low) * (height - 8) / span)
              for number, value in enumerate(values)]
    path, is_drawing = [], False
    for place in places:
        if place is not None:
            path.append(f"{'L' if is_drawing else 'M'}{place[0]:.1f} {place[1]:.1f}")
        is_drawing = place is not None
    x, y = [place for place in places if place is not None][-1]
    return (f'<svg class="trend" width="{width}" height="{height}" viewBox="0 0 {width} {height}" aria-hidden="true">'
            f'<path d="{" ".join(path)}" fill="none" stroke="{BLUE}" stroke-width="1.5"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{BLUE}"/></svg>')


def control_chart(points: Sequence[Point], shown: Callable[[float], str]) -> str:
    """The values of a KPI with what was expected of each and the band that it was expected in. shown: a number in its unit, for the axis."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    figure = Figure(figsize=(7.2, 2.5), layout="constrained")
    axes = figure.subplots()
    days = date2num([point.start for point in points])
    limited = [(day, point) for day, point in zip(days, points, strict=True) if point.lower is not None and point.upper is not None]
    if limited:
        band = [day for day, _ in limited]
        axes.fill_between(band, [point.lower or 0.0 for _, point in limited], [point.upper or 0.0 for _, point in limited], color=GREY, alpha=0.18, linewidth=0)
        axes.plot(band, [point.expected or 0.0 for _, point in limited], color=GREY, linewidth=1, linestyle="--")
    axes.plot(days, [point.value for point in points], color=BLUE, linewidth=1.6, marker="o", markersize=2.5)
    flagged = [(day, point.value) for day, point in zip(days, points, strict=True) if point.is_signal]
    if flagged:
        axes.plot(*zip(*flagged, strict=True), linestyle="none", marker="D", markersize=6, color=VERMILION)
    locator = AutoDateLocator(maxticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value)))
    axes.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.6)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=8, length=0)
    return _svg(figure)


def _svg(figure: object) -> str:
    """Without the XML head, and with text as text: the reader's own fonts draw it."""
    from matplotlib import rc_context

    said = io.StringIO()
    # a fixed salt: the same numbers are the same bytes
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "meridian", "font.family": FONTS}):
        figure.savefig(said, format="svg", metadata={"Date": None, "Creator": None})     # type: ignore[attr-defined]
    text = said.getvalue()
    return text[text.index("<svg"):]
