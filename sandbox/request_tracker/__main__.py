"""python -m sandbox.request_tracker install|load|start|stop|day|status --home DIR

Runs on any Python 3.11 with the standard library alone. Exit codes: 0 done, 1 failed (one line says why), 3 RT cannot be installed on this machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

from sandbox.request_tracker import install, server
from sandbox.request_tracker.home import Home, read_facts
from sandbox.request_tracker.load import SandboxError, load


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.request_tracker", description="A real Request Tracker 5 with the sandbox company's tickets.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, text in (
        ("install", "install Debian's packages (needs root)"), ("load", "fill the home folder's database with the story"), ("start", "start the server"),
        ("stop", "stop the server"), ("day", "live one more day of the story"), ("status", "print what is known of this home"),
    ):
        one = verbs.add_parser(verb, help=text)
        one.add_argument("--home", type=Path, required=verb != "install")
        if verb in ("load", "day"):
            one.add_argument("--seed", type=int, default=7)
            one.add_argument("--size", choices=("small", "full"), default="small")
        if verb == "start":
            one.add_argument("--clock", type=datetime.fromisoformat, help="the company's instant; default: where `load` or the last `day` left it")
        if verb == "load":
            one.add_argument("--cache", type=Path, help="folder of prepared databases")
            one.add_argument("--tickets", type=int, help="load only the newest so many")
    chosen = parser.parse_args(arguments)
    if chosen.verb == "install":
        return install.main(chosen.home / "log" / "apt.log" if chosen.home else None)
    home = Home(root=chosen.home)
    try:
        match chosen.verb:
            case "load":
                from sandbox.company.story import write_plan

                facts = load(write_plan(seed=chosen.seed, size=chosen.size), home, cache=chosen.cache, newest=chosen.tickets)
                print(f"Request Tracker: {facts['tickets']} tickets {'from the cache' if facts['from_cache'] else 'loaded'} in {facts['load_seconds']} s")
            case "start":
                facts = server.start(home, now=chosen.clock)
                print(f"Request Tracker {facts['version']} at {facts['url']}, its clock at {facts['now']}")
            case "stop":
                print("stopped" if server.stop(home) else "was not running")
            case "day":
                print(json.dumps(_one_day(home, chosen.seed, chosen.size), sort_keys=True))
            case "status":
                print(json.dumps({**read_facts(home), "running": server.running(home) is not None}, indent=2, sort_keys=True))
    except SandboxError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _one_day(home: Home, seed: int, size: str) -> dict[str, object]:
    """The day after the last one this home has seen. The story is told again up to there, which takes a second."""
    from sandbox.company.story import next_day, write_plan
    from sandbox.request_tracker.day import live

    until = read_facts(home).get("lived_until")
    if until is None:
        raise SandboxError(f"{home.base} holds no company: load it first")
    plan = write_plan(seed=seed, size="full" if size == "full" else "small")
    while plan.ends_on < date.fromisoformat(until):
        plan = next_day(plan, plan.ends_on + timedelta(days=1)).after
    day = next_day(plan, plan.ends_on + timedelta(days=1))
    return live(home, before=plan, after=day.after, deleted=day.deleted.get("tickets", ()))


if __name__ == "__main__":
    sys.exit(main())
