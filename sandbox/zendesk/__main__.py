"""python -m sandbox.zendesk install|load|start|stop|day|status|serve --home DIR (sandbox/stand_in/command.py)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from sandbox.company.plan import Plan
from sandbox.company.story import Day, write_plan
from sandbox.stand_in.command import StandIn, main
from sandbox.stand_in.serving import Answer
from sandbox.stand_in.state import State
from sandbox.zendesk import load as loading
from sandbox.zendesk.rules import Account
from sandbox.zendesk.server import Api

READER, WORKER = "ZENDESK_TOKEN", "ZENDESK_WRITE_TOKEN"   # environment variables: the reading administrator's token, the automations' token


def _live(before: Plan, day: Day, state: State, url: str) -> Mapping[str, int]:
    return loading.live_day(before, day.after, day.deleted.get("tickets", ()), state, url)


def _answer(state: State, url: str, secrets: Mapping[str, str], numbers: Mapping[str, int]) -> Answer:
    plan = write_plan(seed=state.fact("seed", 7), size="small")   # only its policies and calendars are needed, and they are the same in every size
    accounts = [Account(email=loading.ADMIN_EMAIL, token=secrets[READER], user_id=loading.ADMIN, is_admin=True),
                Account(email=loading.WORKER_EMAIL, token=secrets[WORKER], user_id=loading.WORKER, is_admin=False)]
    return Api(loading.desk_of(plan, state, url), accounts, **numbers).answer


def _options(url: str, numbers: Mapping[str, int]) -> Mapping[str, Any]:
    return {"url": url, "email": loading.ADMIN_EMAIL, "token_env": READER, "exports_per_minute": numbers["exports_per_minute"]}


# The vendor allows 10 exports a minute. A demonstration would wait minutes for that, so it runs with more unless asked to be as strict.
STAND_IN = StandIn(kind="zendesk", title="Zendesk", secrets=(READER, WORKER), numbers={"exports_per_minute": 600, "requests_per_minute": 2500},
                   load=loading.load, live=_live, answer=_answer, options=_options)

if __name__ == "__main__":
    sys.exit(main(STAND_IN))
