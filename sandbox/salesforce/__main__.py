"""python -m sandbox.salesforce install|load|start|stop|day|status|serve --home DIR (sandbox/stand_in/command.py)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from sandbox.company.plan import Plan
from sandbox.company.story import Day
from sandbox.salesforce import load as loading
from sandbox.salesforce.org import Org
from sandbox.salesforce.rules import App
from sandbox.salesforce.server import Api
from sandbox.stand_in.command import StandIn, main
from sandbox.stand_in.serving import Answer
from sandbox.stand_in.state import State

SECRET, REFRESH = "SALESFORCE_CLIENT_SECRET", "SALESFORCE_REFRESH_TOKEN"     # environment variables
CLIENT = "3MVG9.meridian"


def _load(plan: Plan, state: State, url: str) -> Mapping[str, int]:
    return loading.load(plan, Org(state=state))


def _live(before: Plan, day: Day, state: State, url: str) -> Mapping[str, int]:
    return loading.live_day(before, day.after, day.deleted, Org(state=state))


def _answer(state: State, url: str, secrets: Mapping[str, str], numbers: Mapping[str, int]) -> Answer:
    app = App(client_id=CLIENT, client_secret=secrets[SECRET], refresh_token=secrets[REFRESH])
    return Api(Org(state=state), app, url=lambda: url, **numbers).answer


def _options(url: str, numbers: Mapping[str, int]) -> Mapping[str, Any]:
    return {"url": url, "client_id": CLIENT, "client_secret_env": SECRET, "refresh_token_env": REFRESH}


STAND_IN = StandIn(kind="salesforce", title="Salesforce", secrets=(SECRET, REFRESH), numbers={"requests_per_day": 100_000},
                   load=_load, live=_live, answer=_answer, options=_options)

if __name__ == "__main__":
    sys.exit(main(STAND_IN))
