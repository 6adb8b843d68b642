"""python -m sandbox.shopify install|load|start|stop|day|status|serve --home DIR (sandbox/stand_in/command.py)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from sandbox.company.plan import Plan
from sandbox.company.story import Day
from sandbox.shopify import load as loading
from sandbox.shopify.rules import Bucket
from sandbox.shopify.server import Api
from sandbox.shopify.shop import Shop
from sandbox.stand_in.command import StandIn, main
from sandbox.stand_in.serving import Answer
from sandbox.stand_in.state import State

READER = "SHOPIFY_TOKEN"         # environment variable: the app's access token


def _load(plan: Plan, state: State, url: str) -> Mapping[str, int]:
    return loading.load(plan, Shop(state=state))


def _live(before: Plan, day: Day, state: State, url: str) -> Mapping[str, int]:
    return loading.live_day(before, day, Shop(state=state))


def _answer(state: State, url: str, secrets: Mapping[str, str], numbers: Mapping[str, int]) -> Answer:
    return Api(Shop(state=state), secrets[READER], bucket=Bucket(numbers["points"], numbers["points_per_second"])).answer


def _options(url: str, numbers: Mapping[str, int]) -> Mapping[str, Any]:
    return {"url": url, "token_env": READER}


# The standard plan restores 100 points a second; a demonstration has what the largest has ("GraphQL Admin API rate limits").
STAND_IN = StandIn(kind="shopify", title="Shopify", secrets=(READER,), numbers={"points": 40_000, "points_per_second": 2000},
                   load=_load, live=_live, answer=_answer, options=_options)

if __name__ == "__main__":
    sys.exit(main(STAND_IN))
