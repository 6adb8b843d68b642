"""How cost grows with the number of records: each of reading and loading, nights and checks at ×1, ×10 and ×100, with the fitted exponent.

    python -m tests.benchmarks.growth [--smallest 10000] [--turns 1] [--of extract nights checks]

CPU seconds above start-up: of a thousand records for reading and loading, of an empty night for nights, of the imports for checks. The exponent is the slope
of the least squares line through the logarithms of both: 1 is in proportion, 1.05 is 12 % more a record for a hundred times as many.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks import checks, extract, nights
from tests.benchmarks.measuring import machine

TIMES = (1, 10, 100)
LEAST = 0.5


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> str:
    """Of the power law through the points by least squares on logarithms. A cost below half a second is left out: start-up varies by as much."""
    points = [(math.log(size), math.log(cost)) for size, cost in zip(sizes, costs, strict=True) if cost >= LEAST]
    if len(points) < 2:
        return "too small"
    return f"{statistics.linear_regression(*zip(*points, strict=True)).slope:.2f}" + (f" ({len(points)} points)" if len(points) < len(sizes) else "")


def of_extract(folder: Path, rows: int, turns: int) -> dict[str, float]:
    def loaded(count: int) -> extract.Measured:
        with extract.served(folder, count) as (url, _):
            command = [sys.executable, "-m", "tests.benchmarks.ticket_desk", str(folder / "home"), url]
            extract.measure([*command, "--prepare"])
            found = extract.measure(command)
            assert found.said["rows"] == count, found.said
            return found

    found = [(loaded(rows), loaded(extract.FEW)) for _ in range(turns)]
    return {"read and load": statistics.median(many.cpu - few.cpu for many, few in found) * rows / (rows - extract.FEW), "its peak, MB": max(many.peak for many, _ in found)}


def of_nights(folder: Path, rows: int, turns: int) -> dict[str, float]:
    """Two tickets and eight order lines of ten records."""
    lived = nights.lived(folder / f"nights-{rows}", tickets=rows // 5, lines=rows - rows // 5, turns=turns)
    return {"first night": nights.above(lived, nights.FIRST_NIGHT), "1 % night": nights.above(lived, nights.RECENT)}


def of_checks(folder: Path, rows: int, turns: int) -> dict[str, float]:
    _, seconds, answers = checks.asked_twice(rows, turns)
    assert answers["raw"][3] == len(range(0, rows, 6000)), "not what was made wrong"
    return {"checks of a batch": seconds["ours"], "the same by hand": seconds["raw"]}


PARTS: dict[str, Callable[[Path, int, int], dict[str, float]]] = {"extract": of_extract, "nights": of_nights, "checks": of_checks}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smallest", type=int, default=20_000, help="records at ×1")
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--of", nargs="*", choices=list(PARTS), default=list(PARTS))
    asked = parser.parse_args()
    sizes = [asked.smallest * times for times in TIMES]
    print(f"CPU s above start-up; medians of {asked.turns}; {machine()}")
    print(f"{'':<24}" + "".join(f"{size:>14,}" for size in sizes) + f"{'exponent':>16}")
    with tempfile.TemporaryDirectory(prefix="meridian-growth-") as temporary:
        for part in asked.of:
            found = [PARTS[part](Path(temporary), size, asked.turns) for size in sizes]
            for what in found[0]:
                costs = [one[what] for one in found]
                print(f"{what:<24}" + "".join(f"{cost:>14.2f}" for cost in costs) + f"{exponent(sizes, costs):>16}", flush=True)


if __name__ == "__main__":
    main()
