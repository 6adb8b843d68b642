"""Every connector against its source's truth: rows lost, doubled and stale are 0, 0 and 0 for every stream, whatever happens while it reads.

`make drill` lives 200 random histories of every kind; MERIDIAN_SEED repeats a run's.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.connectors.conformance import scenarios
from tests.connectors.conformance.histories import MEMORY, prove
from tests.connectors.conformance.subject import Running, subjects
from tests.connectors.conformance.suite import bench, judged
from tests.length import IS_DRILL

EVERY_KIND = pytest.mark.parametrize("running", [pytest.param(running, id=kind) for kind, running in subjects()])


@EVERY_KIND
@pytest.mark.parametrize("scenario", [*scenarios.EVERY, *(pytest.param(name, marks=pytest.mark.drill) for name in scenarios.SLOW)])
def test_what_is_known_to_go_wrong_goes_right(running: Running, scenario: str) -> None:
    with TemporaryDirectory(dir=MEMORY) as folder, running(Path(folder) / "source") as subject, bench(subject, Path(folder) / "meridian") as desk:
        verdicts = {**scenarios.EVERY, **scenarios.SLOW}[scenario](desk)
    print(*verdicts, sep="\n")
    judged(verdicts)


@EVERY_KIND
def test_random_histories_end_with_what_the_source_holds(running: Running) -> None:
    totals = prove(running, examples=200 if IS_DRILL else 3)
    print(dict(totals))
    assert totals["truth"] and totals["truth"] == totals["landed"]
