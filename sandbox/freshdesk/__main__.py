"""python -m sandbox.freshdesk install|load|start|stop|day|status|serve --home DIR (sandbox/stand_in/command.py)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from sandbox.company.plan import Plan
from sandbox.company.story import Day
from sandbox.freshdesk import load as loading
from sandbox.freshdesk.desk import Desk
from sandbox.freshdesk.server import Api
from sandbox.stand_in.command import StandIn, main
from sandbox.stand_in.serving import Answer
from sandbox.stand_in.state import State

READER = "FRESHDESK_API_KEY"     # environment variable: the API key of an administrator


def _load(plan: Plan, state: State, url: str) -> Mapping[str, int]:
    return loading.load(plan, state)


def _live(before: Plan, day: Day, state: State, url: str) -> Mapping[str, int]:
    return loading.live_day(before, day.after, day.deleted.get("tickets", ()), state)


def _answer(state: State, url: str, secrets: Mapping[str, str], numbers: Mapping[str, int]) -> Answer:
    credits, lists = numbers["credits_per_minute"], numbers["lists_per_minute"]
    return Api(Desk(state=state), secrets[READER], url=url, credits_per_minute=credits, lists_per_minute=lists).answer


def _options(url: str, numbers: Mapping[str, int]) -> Mapping[str, Any]:
    return {"url": url, "api_key_env": READER, "plan": "enterprise", **numbers}


# The largest plan allows 700 credits a minute; a demonstration reads a year and a half of conversations one ticket at a time and would wait for it.
STAND_IN = StandIn(kind="freshdesk", title="Freshdesk", secrets=(READER,), numbers={"credits_per_minute": 60_000, "lists_per_minute": 20_000},
                   load=_load, live=_live, answer=_answer, options=_options)

if __name__ == "__main__":
    sys.exit(main(STAND_IN))
