"""A trend as a small picture: what mail can show, which has no scripts and, in half of its programs, no SVG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise

WIDTH, HEIGHT, SCALE = 160, 32, 4                       # pixels as shown; drawn at twice that for dense screens, SCALE times as large before smoothing
_LINE, _LAST = (31, 87, 138), (200, 80, 0)              # blue and vermilion: told apart by every kind of colour vision


def picture(trend: Sequence[float | None]) -> bytes | None:
    """A PNG of 320 × 64 pixels, transparent, a gap where there was no value, the last one marked; None for fewer than two values."""
    known = [value for value in trend if value is not None]
    if len(known) < 2:
        return None
    from PIL import Image, ImageDraw

    width, height, edge = WIDTH * 2 * SCALE, HEIGHT * 2 * SCALE, 6 * SCALE
    least, span = min(known), (max(known) - min(known)) or 1.0
    step = (width - 2 * edge) / (len(trend) - 1)
    points = [None if value is None else (edge + index * step, height - edge - (value - least) / span * (height - 2 * edge))
              for index, value in enumerate(trend)]
    image = Image.new("RGBA", (width, height), (255, 255, 255, 0))
    draw = ImageDraw.Draw(image)
    for before, after in pairwise(points):
        if before and after:
            draw.line([before, after], fill=_LINE, width=3 * SCALE, joint="curve")
    for index, point in enumerate(points):
        alone = (index == 0 or points[index - 1] is None) and (index == len(points) - 1 or points[index + 1] is None)
        if point and alone:                             # between two gaps there is no line to show it
            draw.ellipse([point[0] - 2 * SCALE, point[1] - 2 * SCALE, point[0] + 2 * SCALE, point[1] + 2 * SCALE], fill=_LINE)
    if last := points[-1]:
        draw.ellipse([last[0] - 4 * SCALE, last[1] - 4 * SCALE, last[0] + 4 * SCALE, last[1] + 4 * SCALE], fill=_LAST)
    target = io.BytesIO()
    image.resize((WIDTH * 2, HEIGHT * 2), Image.Resampling.LANCZOS).quantize(32).save(target, "PNG", optimize=True)
    return target.getvalue()
