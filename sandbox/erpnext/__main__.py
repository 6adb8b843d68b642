"""python -m sandbox.erpnext install|load|start|stop|day|status|serve --home DIR (sandbox/stand_in/command.py)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.company.plan import Plan
from sandbox.company.story import Day
from sandbox.erpnext import load as loading
from sandbox.erpnext.server import Api
from sandbox.erpnext.site import Site
from sandbox.stand_in.command import StandIn, main
from sandbox.stand_in.serving import Answer
from sandbox.stand_in.state import State

KEY, SECRET = "ERPNEXT_KEY", "ERPNEXT_SECRET"     # environment variables
ZONE = "Asia/Kolkata"            # of a site that nobody has set up otherwise; not the company's, so that a stamp taken for another zone's shows itself


def _site(state: State) -> Site:
    return Site(state=state, zone=ZoneInfo(ZONE))


def _load(plan: Plan, state: State, url: str) -> Mapping[str, int]:
    return loading.load(plan, _site(state))


def _live(before: Plan, day: Day, state: State, url: str) -> Mapping[str, int]:
    return loading.live_day(before, day, _site(state))


def _answer(state: State, url: str, secrets: Mapping[str, str], numbers: Mapping[str, int]) -> Answer:
    return Api(_site(state), secrets[KEY], secrets[SECRET], requests_per_minute=numbers["requests_per_minute"]).answer


def _options(url: str, numbers: Mapping[str, int]) -> Mapping[str, Any]:
    return {"url": url, "time_zone": ZONE, "key_env": KEY, "secret_env": SECRET}


STAND_IN = StandIn(kind="erpnext", title="ERPNext", secrets=(KEY, SECRET), numbers={"requests_per_minute": 6000}, load=_load, live=_live, answer=_answer,
                   options=_options)

if __name__ == "__main__":
    sys.exit(main(STAND_IN))
