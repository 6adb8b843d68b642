"""Erlang C against published figures, closed forms and the sum that defines it."""

from __future__ import annotations

from math import exp, factorial

import numpy as np
import pytest

from flows.analysis.erlang import agents_needed, waiting_share


def waits(agents: int, load: float) -> float:
    """The share that waits, through the recursion under test."""
    blocked = np.ones(1)
    for number in range(1, agents + 1):
        blocked = load * blocked / (number + load * blocked)
    return float(waiting_share(agents, np.array([load]), blocked)[0])


def by_definition(agents: int, load: float) -> float:
    last = load**agents / factorial(agents) * agents / (agents - load)
    return last / (sum(load**number / factorial(number) for number in range(agents)) + last)


def needed(contacts: float, handling: float, share: float, within: float) -> float:
    return float(agents_needed(*(np.array([value]) for value in (contacts, handling, share, within)))[0])


def test_the_published_example_comes_out() -> None:
    """R package ErlangC 0.1.0, example: 100 calls in 30 minutes of 180 s, 20 s, 14 agents; calculate_agents for 80 % says 14, and 0.682 wait with 11."""
    assert waits(14, 10) == pytest.approx(0.1741319, abs=5e-8) and waits(11, 10) == pytest.approx(0.6821182, abs=5e-8)
    assert 1 - waits(14, 10) * exp(-4 * 20 / 180) == pytest.approx(0.88835, abs=5e-6)
    assert needed(200, 3, 0.8, 20 / 60) == 14


def test_one_and_two_servers_have_a_closed_form() -> None:
    for load in (0.01, 0.5, 0.99):
        assert waits(1, load) == pytest.approx(load) and waits(2, load) == pytest.approx(load**2 / (2 + load))


def test_the_recursion_is_the_sum_that_defines_it() -> None:
    for agents in (3, 7, 20, 60):
        for occupancy in (0.1, 0.6, 0.95):
            assert waits(agents, agents * occupancy) == pytest.approx(by_definition(agents, agents * occupancy), rel=1e-12)


def test_one_fewer_would_not_do_and_thousands_do_not_overflow() -> None:
    for contacts, handling, share, within in ((0.4, 75, 0.9, 45), (30, 5, 0.9, 0), (700, 6, 0.95, 1), (60_000, 4, 0.8, 0.3)):
        agents, load = int(needed(contacts, handling, share, within)), contacts * handling / 60
        assert agents > load and 1 - waits(agents, load) * exp(-(agents - load) * within / handling) >= share
        assert agents - 1 <= load or 1 - waits(agents - 1, load) * exp(-(agents - 1 - load) * within / handling) < share


def test_nobody_is_needed_where_nobody_comes_and_nothing_is_known_where_something_is_missing() -> None:
    found = agents_needed(*(np.array(column, dtype=float) for column in zip((0, 10, 0.9, 5), (3, np.nan, 0.9, 5), (3, 10, 1, 5), (3, 0, 0.9, 5), (3, 10, 0.9, 5), strict=True)))
    assert found[0] == 0 and np.isnan(found[1:4]).all() and found[4] == 2
