"""python -m sandbox.hubspot install|load|start|stop|day|status|serve --home DIR (sandbox/stand_in/command.py)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from sandbox.company.plan import Plan
from sandbox.company.story import Day
from sandbox.hubspot import load as loading
from sandbox.hubspot.portal import Portal
from sandbox.hubspot.server import Api
from sandbox.stand_in.command import StandIn, main
from sandbox.stand_in.serving import Answer
from sandbox.stand_in.state import State

READER = "HUBSPOT_TOKEN"         # environment variable: the private app's access token


def _load(plan: Plan, state: State, url: str) -> Mapping[str, int]:
    return loading.load(plan, Portal(state=state))


def _live(before: Plan, day: Day, state: State, url: str) -> Mapping[str, int]:
    return loading.live_day(before, day.after, day.deleted.get("leads", ()), Portal(state=state))


def _answer(state: State, url: str, secrets: Mapping[str, str], numbers: Mapping[str, int]) -> Answer:
    return Api(Portal(state=state), secrets[READER], **numbers).answer


def _options(url: str, numbers: Mapping[str, int]) -> Mapping[str, Any]:
    return {"url": url, "token_env": READER, "requests_per_ten_seconds": numbers["requests_per_ten_seconds"]}


# The smallest subscription allows 100 requests in ten seconds; a demonstration has what a large one has.
STAND_IN = StandIn(kind="hubspot", title="HubSpot", secrets=(READER,), numbers={"requests_per_ten_seconds": 190, "searches_per_second": 5},
                   load=_load, live=_live, answer=_answer, options=_options)

if __name__ == "__main__":
    sys.exit(main(STAND_IN))
