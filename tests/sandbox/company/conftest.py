from __future__ import annotations

from typing import Any

import pytest

from sandbox.company.plan import Plan
from sandbox.company.story import write_plan
from sandbox.company.truth import truth


@pytest.fixture(scope="session")
def plan() -> Plan:
    return write_plan(seed=7, size="small")


@pytest.fixture(scope="session")
def facts(plan: Plan) -> dict[str, Any]:
    return truth(plan)


@pytest.fixture(scope="session", params=(1, 2, 3))
def other_facts(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The truth about companies told from other seeds."""
    return truth(write_plan(seed=request.param, size="small"))
