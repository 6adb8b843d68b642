"""A robot in a process of its own, to be killed: `python -m tests.flows.automation.robots.worker URL FOLDER ORDERS.json` carries out what is not done, from the first on."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from flows.automation.robots.portal_session import open_session
from tests.flows.automation.robots.dealer import PASSWORD, USER, carry_out


def main(url: str, folder: str, orders: str) -> None:
    results = Path(folder) / "results.jsonl"
    with open_session({"url": url, "evidence": f"{folder}/failures", "patience": "20"}, {"USER": USER, "PASSWORD": PASSWORD}) as session:
        done = {json.loads(line)[0] for line in results.read_text().splitlines()} if results.exists() else set()
        for order in json.loads(Path(orders).read_text()):
            if order["reference"] not in done:
                began = time.monotonic()
                outcome = carry_out(session, order, settles=0.5)
                with results.open("a") as out:
                    out.write(json.dumps([order["reference"], outcome, round(time.monotonic() - began, 2)]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
