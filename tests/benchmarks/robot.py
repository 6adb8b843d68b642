"""How long an order takes the robot, and how much of a person's handling time it saves: `python -m tests.benchmarks.robot [ORDERS]`.

The robot is measured: a real Chromium at the portal, look, type in, read back, submit, look again. The person's way is the same clicks and keys in the same
portal, done by a script that counts them and waits for the same pages, and adds for each the time of the Keystroke-Level Model (Card, Moran, Newell:
"The Keystroke-Level Model for User Performance Time with Interactive Systems", Communications of the ACM 23(7), 1980, 396-410, Figure 1):

    K  0.28 s  a key or a click, typist of 40 words a minute; the most favourable to the robot would be slower, 0.20 s (55 words) is given beside it
    P  1.10 s  pointing with the mouse        H  0.40 s  hand between keyboard and mouse        M  1.35 s  mental preparation

Reading: each value that is carried over is looked up in the ERP first (M, and H + P + K to go to its window and back), and read again on the review page (M each).
Nobody is assumed to look whether the order is there already, to err, to be interrupted or to be away: what a person really needs is more.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.automation.robots import forms
from flows.automation.robots import portal_pages as pages
from flows.automation.robots.portal_pages import Order
from flows.automation.robots.portal_session import Session, order_of
from tests.flows.automation.robots.dealer import Dealer, carry_out, dealer, order

KEY, FAST_KEY, POINT, HOME, THINK = 0.28, 0.20, 1.10, 0.40, 1.35


@dataclass
class Hand:
    """A person at the mouse and the keyboard: what was done, counted."""

    keys: int = 0
    points: int = 0
    homes: int = 0
    thoughts: int = 0

    def click(self) -> None:
        self.homes, self.thoughts, self.points, self.keys = self.homes + 1, self.thoughts + 1, self.points + 1, self.keys + 1

    def copy(self, text: str) -> None:
        """Look a value up in the other window, come back, and type it into the field that the tabulator leads to."""
        for _ in range(2):
            self.click()
        self.homes, self.keys = self.homes + 1, self.keys + len(text) + 1

    def read(self, values: int) -> None:
        self.thoughts += values

    def seconds(self, key: float) -> float:
        return self.keys * key + self.points * POINT + self.homes * HOME + self.thoughts * THINK


def by_hand(session: Session, wanted: Order) -> tuple[Hand, float]:
    """The same order through the same pages; what a person did, and how many seconds the portal let wait."""
    hand, window, waited = Hand(), session.window, 0.0

    def until_shown(move: Any, *arguments: Any) -> None:
        nonlocal waited
        began = time.monotonic()
        move(*arguments)
        waited += time.monotonic() - began

    header = dict(zip(pages.HEADER.fields, (wanted.reference, wanted.customer_number, wanted.customer_name, wanted.deliver_to,
                                            wanted.requested_on.strftime(pages.DATES)), strict=True))
    hand.click()
    until_shown(pages.go, window, f"{session.url}/order/header")
    for text in header.values():
        hand.copy(text)
    forms.fill(window.page, pages.HEADER, header)
    hand.click()
    until_shown(pages.send, window, pages.HEADER)
    for item, pieces in wanted.lines:
        hand.copy(item)
        hand.copy(str(pieces))
        forms.fill(window.page, pages.LINE, {"item_no": item, "qty": str(pieces)})
        hand.click()
        until_shown(pages.send, window, pages.LINE)
    hand.click()
    until_shown(pages.follow, window, window.page.locator("a#to-review").click)
    hand.read(len(header) + 2 * len(wanted.lines))
    hand.click()
    until_shown(pages.submit, window)
    hand.copy(window.page.locator("#confirmation").inner_text())      # back into the ERP
    return hand, waited


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder, dealer(Path(folder)) as portal, portal.session() as session:
        robot = measured(portal, session, count)
        people = [session.window.run(by_hand, session, order_of(order(f"BY-HAND-{number}"))) for number in range(3)]
    (hand, _), waited = people[0], statistics.median(waited for _, waited in people)
    print(f"{count} orders of two lines, robot: median {statistics.median(robot):.1f} s, 95 % within {sorted(robot)[int(0.95 * count)]:.1f} s")
    print(f"by hand: {hand.keys} keys and clicks, {hand.points} times pointing, {hand.homes} times between keyboard and mouse, {hand.thoughts} times thinking; "
          f"the portal lets wait {waited:.1f} s")
    for key in (KEY, FAST_KEY):
        seconds = hand.seconds(key) + waited
        print(json.dumps({"K": key, "by hand, s": round(seconds, 1), "share saved of the time an order takes": round(1 - statistics.median(robot) / seconds, 3)}))


def measured(portal: Dealer, session: Session, count: int) -> list[float]:
    """Seconds of each order, from the first look to the last."""
    found = []
    for number in range(count):
        began = time.monotonic()
        assert carry_out(session, order(f"SO-{number}")) == "verified"
        found.append(time.monotonic() - began)
    assert len(portal.entered()) == count
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
