"""The dealer portal for tests: served in this process, its own database the truth; and a small loop that does with an intent what the contract says of class B."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from flows.automation.contract import Refused, Unanswered, Unavailable, holds
from flows.automation.robots.portal_order import ENTER_ORDER
from flows.automation.robots.portal_session import Session, open_session
from sandbox.portal.load import put_item
from sandbox.portal.server import Portal, set_faults
from sandbox.stand_in.serving import served
from sandbox.stand_in.state import State

USER, PASSWORD = "robot-7", "pa55 <word>&"
NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
ITEMS = {"K-100": 1, "K-200": 6, "K-300": 1}        # number -> pack


@dataclass(frozen=True, kw_only=True)
class Dealer:
    url: str
    state: State
    folder: Path

    def options(self, **more: Any) -> dict[str, Any]:
        return {"url": self.url, "evidence": str(self.folder / "failures"), "patience": "10", **more}

    def session(self, say: Callable[[str], None] = lambda line: None, password: str = PASSWORD, **more: Any) -> AbstractContextManager[Session]:
        return open_session(self.options(**more), {"USER": USER, "PASSWORD": password}, now=lambda: NOW, say=say)

    def forget(self) -> None:
        """No orders, no drafts, no failures, no faults: as if nothing had been."""
        set_faults(self.state)
        for order in self.state.items("orders"):
            self.state.delete("orders", order["id"])
        for session in self.state.items("sessions"):
            self.state.put("sessions", {**session, "draft": {}}, 0)
        for kept in self.failures():
            shutil.rmtree(kept)

    def entered(self) -> Counter[str]:
        """How often each reference was entered."""
        return Counter(order["cust_ref"] for order in self.state.items("orders"))

    def failures(self) -> list[Path]:
        return sorted((self.folder / "failures").glob("*Z-*"))


@contextmanager
def dealer(folder: Path, sleep: Callable[[float], None] = time.sleep) -> Iterator[Dealer]:
    state = State(folder / "portal.sqlite", ticking=False)
    state.set_clock(NOW)
    for number, pack in ITEMS.items():
        put_item(state, number, f"Article {number}", price=Decimal("12.50"), pack=pack)
    try:
        with served(Portal(state, user=USER, password=PASSWORD, sleep=sleep).answer) as url:
            yield Dealer(url=url, state=state, folder=folder)
    finally:
        state.close()


def order(reference: str, *, lines: Sequence[tuple[str, int]] = (("K-100", 2), ("K-200", 12)), **other: str) -> dict[str, str]:
    return {"reference": reference, "customer_number": "C00017", "customer_name": "Halden & Söhne GmbH", "deliver_to": "Lindenallee 5, 10115 Berlin",
            "requested_on": "2026-11-20", "lines": json.dumps([{"item": item, "pieces": pieces} for item, pieces in lines]), **other}


def marker(reference: str) -> str:
    return f"m-{reference.lower()}"


def carry_out(session: Session, parameters: Mapping[str, str], *, settles: float = 0.0, attempts: int = 4) -> str:
    """'verified', or why it is handed over. Unavailable is tried again, Unanswered is looked for first: the contract's rules for class B."""
    mark, reason = marker(parameters["reference"]), ""
    for _ in range(attempts):
        try:
            before = ENTER_ORDER.look(session, parameters, mark)
            wanted = ENTER_ORDER.wanted(parameters, before)
            if holds(before, wanted):
                return "verified"
            ENTER_ORDER.act(session, parameters, before, mark)
            return "verified" if holds(ENTER_ORDER.look(session, parameters, mark), wanted) else "differs"
        except Refused as refused:
            return f"refused: {refused}"
        except Unanswered as unknown:
            reason = str(unknown)
            time.sleep(settles)
        except Unavailable as later:
            reason = str(later)
    return f"handed over: {reason}"
