"""python -m sandbox.portal install|load|start|stop|day|status|serve --home DIR (sandbox/stand_in/command.py)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from sandbox.company.plan import Plan
from sandbox.company.story import Day
from sandbox.portal import load as loading
from sandbox.portal.server import Portal
from sandbox.stand_in.command import StandIn, main
from sandbox.stand_in.serving import Answer
from sandbox.stand_in.state import State

# Environment variables of the robot's login, named as those of the target `partner`.
USER, PASSWORD = "MERIDIAN_PARTNER_USER", "MERIDIAN_PARTNER_PASSWORD"


def _load(plan: Plan, state: State, url: str) -> Mapping[str, int]:
    return loading.load(plan, state)


def _live(before: Plan, day: Day, state: State, url: str) -> Mapping[str, int]:
    """Nobody types anything in any more: that is the robot's work."""
    return {}


def _answer(state: State, url: str, secrets: Mapping[str, str], numbers: Mapping[str, int]) -> Answer:
    return Portal(state, user=secrets[USER], password=secrets[PASSWORD]).answer


def _options(url: str, numbers: Mapping[str, int]) -> Mapping[str, Any]:
    return {"url": url}


STAND_IN = StandIn(kind="portal", title="The partner's portal", secrets=(USER, PASSWORD), load=_load, live=_live, answer=_answer, options=_options)

if __name__ == "__main__":
    sys.exit(main(STAND_IN))
