"""An executor with browsers of its own at the portal, in a process to be killed: `python -m tests.flows.automation.robots.worker URL FOLDER ORDERS.json BROWSERS`
works on what was proposed of these orders until nothing is open; begun again it goes on. `<folder>/seconds.jsonl`: order, browser, seconds."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from flows.automation.contract import Action
from flows.automation.robots.portal_order import ENTER_ORDER
from flows.automation.robots.portal_session import beside, open_session
from flows.store import intents
from tests.flows.automation.robots.dealer import NOW, PASSWORD, USER
from tests.flows.automation.world import World, row, world

A_ROUND = timedelta(minutes=10)         # of the world's clock, which stands still while the executor works: longer than the portal takes to settle


def rekeying(url: str, folder: Path, orders: list[dict[str, str]], *, browsers: int, action: Action = ENTER_ORDER) -> World:
    """A playbook that types these orders into the portal by itself."""
    step = {"do": action.name, "target": "shop", "with": {name: f"{{{name}}}" for name in orders[0]}}
    here = world(folder, url, mode="auto", caps={"per_run": len(orders)}, steps=[step])
    here.now, here.rows, here.actions, here.beside = NOW, [row(order["reference"], **order) for order in orders], {action.name: action}, beside
    here.session = lambda: open_session({"url": url, "evidence": str(folder / "failures"), "patience": "60", "browsers": browsers},
                                        {"USER": USER, "PASSWORD": PASSWORD}, now=lambda: here.now)
    return here


def timed(action: Action, out: Path) -> Action:
    """Writes down how long each look and each doing took, and in which browser."""
    def timing(do: Callable[..., Any]) -> Callable[..., Any]:
        def done(session: Any, given: Any, *more: Any) -> Any:
            began = time.monotonic()
            try:
                return do(session, given, *more)
            finally:
                with out.open("a") as file:
                    file.write(json.dumps([given["reference"], threading.current_thread().name, round(time.monotonic() - began, 2)]) + "\n")
        return done
    return replace(action, look=timing(action.look), act=timing(action.act))


def main(url: str, folder: str, orders: str, browsers: str) -> None:
    home = Path(folder)
    wanted, rounds = json.loads(Path(orders).read_text()), home / "rounds"
    here = rekeying(url, home, wanted, browsers=int(browsers))
    here.actions = {ENTER_ORDER.name: timed(ENTER_ORDER, home / "seconds.jsonl")}
    while True:
        number = int(rounds.read_text()) + 1 if rounds.exists() else 1
        rounds.write_text(str(number))
        here.now = NOW + number * A_ROUND
        here.execute()
        if not any(intent.state in intents.OPEN for intent in here.intents()):
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
