"""python -m sandbox.odoo install|load|start|stop|day|status|serve --home DIR (sandbox/stand_in/command.py)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from sandbox.company.plan import Plan
from sandbox.company.story import Day
from sandbox.odoo import load as loading
from sandbox.odoo.database import Database
from sandbox.odoo.server import DATABASE, LOGIN, Api
from sandbox.stand_in.command import StandIn, main
from sandbox.stand_in.serving import Answer
from sandbox.stand_in.state import State

READER = "ODOO_KEY"              # environment variable: the API key of the user who reads


def _load(plan: Plan, state: State, url: str) -> Mapping[str, int]:
    return loading.load(plan, Database(state=state))


def _live(before: Plan, day: Day, state: State, url: str) -> Mapping[str, int]:
    return loading.live_day(before, day.after, day.deleted, Database(state=state))


def _answer(state: State, url: str, secrets: Mapping[str, str], numbers: Mapping[str, int]) -> Answer:
    return Api(Database(state=state), secrets[READER]).answer


def _options(url: str, numbers: Mapping[str, int]) -> Mapping[str, Any]:
    return {"url": url, "database": DATABASE, "login": LOGIN, "key_env": READER}


STAND_IN = StandIn(kind="odoo", title="Odoo", secrets=(READER,), load=_load, live=_live, answer=_answer, options=_options)

if __name__ == "__main__":
    sys.exit(main(STAND_IN))
