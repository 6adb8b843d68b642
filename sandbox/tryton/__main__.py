"""python -m sandbox.tryton install|load|start|stop|day|status --home DIR

Exit codes: 0 done, 1 failed (one line on stderr says why).
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.company.plan import Plan
from sandbox.tryton import server
from sandbox.tryton.home import KEY_NAME, WRITE_KEY_NAME, Home, SandboxError, key_of, run_inside, save_plan, saved_plan
from sandbox.tryton.install import empty_company, install

EACH = 2  # records of each shape that go through the real workflows


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.tryton", description="A real Tryton with the sandbox company's history.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, text in (
        ("install", "make Tryton's environment"),
        ("load", "write the company's history into a new database"),
        ("start", "start the server"),
        ("stop", "stop the server"),
        ("day", "live one more day"),
        ("status", "what there is"),
    ):
        one = verbs.add_parser(verb, help=text)
        one.add_argument("--home", type=Path, required=True)
        if verb in ("load", "day"):
            one.add_argument("--seed", type=int, default=7)
            one.add_argument("--size", choices=("small", "full"), default="small")
        if verb == "load":
            one.add_argument("--plan", type=Path, help="a pickled Plan instead of the story")
            one.add_argument("--cache", type=Path, help="folder of the prepared empty company")
            one.add_argument("--each", type=int, default=EACH, help="records of each shape through the real workflows; 0: all")
        if verb == "start":
            one.add_argument("--clock", type=datetime.fromisoformat, help="the company's now; default: the night after the last day")
        if verb == "day":
            one.add_argument("--day", type=date.fromisoformat, help="must be the next one")
    chosen = parser.parse_args(arguments)
    home = Home(root=chosen.home.absolute())
    try:
        report = _do(chosen, home)
    except SandboxError as problem:
        print(problem, file=sys.stderr)
        return 1
    print(json.dumps(report, sort_keys=True))
    return 0


def _do(chosen: argparse.Namespace, home: Home) -> dict[str, Any]:
    match chosen.verb:
        case "install":
            return {"installed": install(home)}
        case "load":
            return load(home, _plan(chosen), cache=chosen.cache, each=chosen.each)
        case "start":
            return server.start(home, chosen.clock or night_after(saved_plan(home)))
        case "stop":
            return {"stopped": server.stop(home)}
        case "day":
            return live(home, chosen.day)
        case _:
            return {**server.read_facts(home), "pid": server.running(home)}


def _plan(chosen: argparse.Namespace) -> Plan:
    from sandbox.company.story import write_plan

    if chosen.plan:
        plan: Plan = pickle.loads(chosen.plan.read_bytes())
        return plan
    return write_plan(seed=chosen.seed, size=chosen.size)


def night_after(plan: Plan) -> datetime:
    return datetime(plan.ends_on.year, plan.ends_on.month, plan.ends_on.day, 2, 30, tzinfo=UTC) + timedelta(days=1)


def load(home: Home, plan: Plan, *, cache: Path | None = None, each: int = EACH) -> dict[str, Any]:
    """A new database with exactly this plan in it. Replaces the one there. Returns rows and CPU seconds."""
    server.stop(home)
    from_cache = empty_company(home, cache)
    with tempfile.NamedTemporaryFile(dir=home.data) as handed:
        handed.write(pickle.dumps(plan))
        handed.flush()
        keys = {name: key_of(home, name) for name in (KEY_NAME, WRITE_KEY_NAME)}
        report = run_inside(home, "load.py", str(home.data), handed.name, str(each), environment=keys)
    save_plan(home, plan)
    return {**report, "empty_company_from_cache": from_cache}


def live(home: Home, day: date | None = None) -> dict[str, Any]:
    """One more day of the story. The server is stopped for it: one process writes a SQLite file, and its clock must move on anyway."""
    from sandbox.company.story import next_day

    plan = saved_plan(home)
    lived = next_day(plan, day or plan.ends_on + timedelta(days=1))
    server.stop(home)
    with tempfile.NamedTemporaryFile(dir=home.data) as handed:
        handed.write(pickle.dumps(lived))
        handed.flush()
        report = run_inside(home, "day.py", str(home.data), handed.name)
    save_plan(home, lived.after)
    return report


if __name__ == "__main__":
    sys.exit(main())
