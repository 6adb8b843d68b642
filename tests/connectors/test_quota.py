"""A quota holds across threads, processes and kills."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.quota import Limit, memory_quota, shared_quota, source_quota, used_today
from connectors.rest import Quota
from connectors.stream import Misconfigured, QuotaExhausted
from tests.length import IS_DRILL

LIMIT = Limit(requests=10, period=60.0, margin=0.0)
PATIENT = 1e9


class Watch:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


Make = Callable[[Limit, Watch], Quota]


@pytest.fixture(params=["memory", "shared"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    if request.param == "memory":
        return lambda limit, watch: memory_quota(limit, source="zendesk", now=watch)
    return lambda limit, watch: shared_quota(tmp_path / "quota", "zendesk", limit, now=watch)


def most_in_any_period(departures: list[float], period: float) -> int:
    return max(sum(start <= other < start + period - 1e-6 for other in departures) for start in departures)


def test_up_to_the_limit_nobody_waits_and_the_next_one_waits_a_whole_period(make: Make) -> None:
    quota = make(LIMIT, Watch())
    assert [quota.reserve(at_most=PATIENT) for _ in range(10)] == [0.0] * 10
    assert quota.reserve(at_most=PATIENT) == 60.0


def test_no_period_ever_sees_more_than_the_limit_wherever_it_begins(make: Make) -> None:
    watch = Watch()
    quota = make(LIMIT, watch)
    departures = []
    for step in range(100):
        watch.now += (step * 7) % 13
        departures.append(watch.now + quota.reserve(at_most=PATIENT))
    assert most_in_any_period(departures, 60.0) == 10


@settings(max_examples=2_000 if IS_DRILL else 60, deadline=None)
@given(pauses=st.lists(st.floats(0, 40), min_size=1, max_size=80), requests=st.integers(1, 7))
def test_the_limit_holds_for_any_rhythm(pauses: list[float], requests: int) -> None:
    watch = Watch()
    quota = memory_quota(Limit(requests=requests, period=20.0, margin=0.0), source="s", now=watch)
    departures = []
    for pause in pauses:
        watch.now += pause
        departures.append(watch.now + quota.reserve(at_most=PATIENT))
    assert most_in_any_period(departures, 20.0) <= requests


def test_beyond_our_patience_it_says_when_and_books_nothing(make: Make) -> None:
    watch = Watch()
    quota = make(LIMIT, watch)
    for _ in range(10):
        quota.reserve(at_most=0)
    for _ in range(3):
        with pytest.raises(QuotaExhausted) as caught:
            quota.reserve(at_most=30)
        assert caught.value.retry_at is not None and caught.value.retry_at.timestamp() == watch.now + 60
    watch.now += 60
    assert quota.reserve(at_most=0) == 0.0


def test_when_the_source_says_stay_away_everybody_does(make: Make) -> None:
    watch = Watch()
    quota = make(LIMIT, watch)
    quota.hold(25)
    quota.hold(10)
    assert quota.reserve(at_most=PATIENT) == 25.0


def test_a_clock_that_was_set_back_does_not_lock_us_out(make: Make) -> None:
    watch = Watch()
    quota = make(LIMIT, watch)
    for _ in range(10):
        quota.reserve(at_most=PATIENT)
    watch.now -= 7 * 86400
    assert quota.reserve(at_most=0) == 0.0


def test_threads_share_one_quota(tmp_path: Path) -> None:
    watch = Watch()
    quota = shared_quota(tmp_path, "zendesk", LIMIT, now=watch)
    waits: list[float] = []
    threads = [threading.Thread(target=lambda: waits.extend(quota.reserve(at_most=PATIENT) for _ in range(10))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == sorted([0.0] * 10 + [60.0] * 10 + [120.0] * 10 + [180.0] * 10)


BOOKER = """
import json, sys, time
from pathlib import Path
from connectors.quota import Limit, shared_quota
quota = shared_quota(Path(sys.argv[1]), "zendesk", Limit(requests=10, period=60.0, margin=0.0), now=lambda: 1_000_000.0)
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps([quota.reserve(at_most=1e9) for _ in range(int(sys.argv[2]))]), flush=True)
sys.stdin.readline()
"""


def booker(folder: Path, count: int) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", BOOKER, str(folder), str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_processes_share_one_quota(tmp_path: Path) -> None:
    processes = [booker(tmp_path, 10) for _ in range(3)]
    for process in processes:
        go(process)
    waits = []
    for process in processes:
        assert process.stdout is not None
        waits += json.loads(process.stdout.readline())
        process.communicate("\n")
    assert sorted(waits) == sorted([0.0] * 10 + [60.0] * 10 + [120.0] * 10)


def test_a_process_killed_while_it_books_leaves_no_lock(tmp_path: Path) -> None:
    process = booker(tmp_path, 1_000_000)
    go(process)
    watch = Watch()
    quota = shared_quota(tmp_path, "zendesk", LIMIT, now=watch)
    while quota.reserve(at_most=PATIENT) == 0.0:   # until it is in the middle of its million
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    watch.now += 30 * 86400
    assert quota.reserve(at_most=0) == 0.0


def test_two_limits_of_one_source_do_not_mix(tmp_path: Path) -> None:
    watch = Watch()
    exports = shared_quota(tmp_path, "zendesk", Limit(requests=1), name="exports", now=watch)
    general = shared_quota(tmp_path, "zendesk", Limit(requests=1), now=watch)
    assert exports.reserve(at_most=0) == general.reserve(at_most=0) == 0.0


def test_a_quota_of_nothing_is_misconfigured() -> None:
    with pytest.raises(Misconfigured):
        Limit(requests=0)


def test_a_days_budget_stops_at_once_and_says_when_it_goes_on(tmp_path: Path) -> None:
    watch = Watch()
    quota = source_quota(tmp_path, "zendesk", per_minute=2, per_day=5, now=watch)
    for _ in range(5):
        quota.reserve(at_most=PATIENT)
        watch.now += 3600
    with pytest.raises(QuotaExhausted, match="its 5 requests of 24 hours are used up — the first free one is at") as caught:
        quota.reserve(at_most=PATIENT)
    assert caught.value.retry_at is not None and caught.value.retry_at.timestamp() == 1_000_000 + 86_400
    assert used_today(tmp_path, "zendesk", now=watch.now) == 5
    watch.now = 1_000_000 + 86_400
    assert quota.reserve(at_most=0) == 0.0


def test_a_pause_that_the_source_asks_for_does_not_use_up_the_day(tmp_path: Path) -> None:
    quota = source_quota(tmp_path, "zendesk", per_day=5, now=Watch())
    quota.hold(600)
    assert quota.reserve(at_most=0) == 0.0


def test_a_request_that_must_wait_too_long_for_its_minute_costs_nothing_of_the_day(tmp_path: Path) -> None:
    watch = Watch()
    quota = source_quota(tmp_path, "zendesk", per_minute=1, per_day=5, now=watch)
    quota.reserve(at_most=0)
    with pytest.raises(QuotaExhausted):
        quota.reserve(at_most=1)
    assert used_today(tmp_path, "zendesk", now=watch.now) == 1


SPENDER = """
import sys
from pathlib import Path
from connectors.quota import source_quota
from connectors.stream import QuotaExhausted
quota = source_quota(Path(sys.argv[1]), "zendesk", per_day=100, now=lambda: 1_000_000.0)
print("ready", flush=True)
sys.stdin.readline()
made = 0
try:
    while True:
        quota.reserve(at_most=1e9)
        made += 1
except QuotaExhausted:
    print(made, flush=True)
"""


def test_nightly_and_backfill_in_two_processes_spend_one_days_budget(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SPENDER, str(tmp_path)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        go(process)
    made = [int(process.communicate()[0]) for process in processes]
    assert sum(made) == 100
    assert used_today(tmp_path, "zendesk", now=1_000_000.0) == 100
