"""`python -m sandbox up|day|down|status`: a company in a box, started and stopped as one.

    var/demo/meridian.toml, .env      the configuration a real company would have, written for this one
    var/demo/sandbox/                 the systems (Tryton and Request Tracker, or the stand-ins chosen), the company's clock, truth.json
    var/demo/drop/                    what comes as files

The systems run under the company's clock, which stands at the first night when they are first started and ticks from there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sandbox import configuration, drop
from sandbox.company import story
from sandbox.company.plan import Plan
from sandbox.company.truth import truth

Facts = dict[str, Any]
Result = TypeVar("Result")

PROJECT = Path(__file__).resolve().parent.parent
# Half a minute past midnight in Berlin: the story's days are Berlin's, and what `day` writes later must not be older than the night before.
FIRST_NIGHT = datetime(2026, 10, 31, 23, 0, 30, tzinfo=UTC)
NO_REQUEST_TRACKER = 3          # exit code of sandbox.request_tracker install where apt or root is missing


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A company in a box: real systems with a seeded history.")
    parser.add_argument("verb", choices=("up", "day", "down", "status"))
    parser.add_argument("--home", type=Path, default=PROJECT / "var" / "demo")
    parser.add_argument("--size", choices=("small", "full"), default="small")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--erp", choices=configuration.ROLES["erp"], default="tryton")
    parser.add_argument("--crm", choices=configuration.ROLES["crm"], help="beside an ERP; default: the ERP's own")
    parser.add_argument("--helpdesk", choices=configuration.ROLES["helpdesk"], default="request_tracker")
    arguments = parser.parse_args()
    if arguments.crm and arguments.erp == "tryton":
        parser.error("--crm goes with --erp " + " or ".join(configuration.LEADS_OF) + ": Tryton's own CRM is read with it")
    return {"up": up, "day": day, "down": down, "status": status}[arguments.verb](arguments)


def up(arguments: argparse.Namespace) -> int:
    """Install, load and start whatever is not there or not running yet; write the configuration."""
    home, box = arguments.home, arguments.home / "sandbox"
    box.mkdir(parents=True, exist_ok=True)
    facts = _facts(box)
    if facts and (facts["size"], facts["seed"]) != (arguments.size, arguments.seed):
        print(f"{home} holds a {facts['size']} company (seed {facts['seed']}); `make clean` first, or give another --home", file=sys.stderr)
        return 2
    is_new = not facts
    if is_new:
        helpdesk = _choose_helpdesk(arguments.helpdesk, box)
        systems = [arguments.erp, *([arguments.crm] if arguments.crm else []), helpdesk, "portal"]
        facts = {"size": arguments.size, "seed": arguments.seed, "systems": systems, "lived": None}
        set_clock(box / "clock", FIRST_NIGHT)
    plan = _timed("writing the company's story and files", plan_of, facts)
    if is_new:
        drop.write_drop(plan, home / "drop")
        (box / "truth.json").write_text(json.dumps(truth(plan), indent=1, ensure_ascii=False), encoding="utf-8")
        for system in facts["systems"]:
            _timed(f"installing {system}", _system, system, "install", box)
            _timed(f"loading 18 months into {system}", _system, system, "load", box, *_which(facts))
        _write_facts(box, facts)
    _start(box, facts)
    configuration.write(home, box, plan, tuple(facts["systems"]))
    return 0


def plan_of(facts: Facts) -> Plan:
    """The company at the end of the last day it lived."""
    plan = story.write_plan(seed=facts["seed"], size=facts["size"])
    if facts["lived"]:
        for _ in range((date.fromisoformat(facts["lived"]) - plan.ends_on).days):
            plan = story.next_day(plan, plan.ends_on + timedelta(days=1)).after
    return plan


def _start(box: Path, facts: Facts) -> None:
    for system in facts["systems"]:
        _timed(f"starting {system}", _system, system, "start", box, "--clock", company_now(box / "clock").isoformat())


def _choose_helpdesk(wanted: str, box: Path) -> str:
    """The helpdesk as wished, or the stand-in where Request Tracker cannot be installed."""
    if wanted == "request_tracker":
        done = subprocess.run([sys.executable, "-m", "sandbox.request_tracker", "install", "--home", str(box)], cwd=PROJECT, check=False)
        if done.returncode == NO_REQUEST_TRACKER:
            print("Request Tracker needs Debian's apt and root, which are not here: the Zendesk stand-in is the helpdesk instead")
            return "zendesk"
        if done.returncode:
            raise SystemExit(done.returncode)
    return wanted


def day(arguments: argparse.Namespace) -> int:
    """Let the company live one more day: new business, changes of old, a few deletes; then its clock stands at the next night."""
    home, box = arguments.home, arguments.home / "sandbox"
    facts = _facts(box)
    if not facts:
        print("no company is there yet: `make demo` first", file=sys.stderr)
        return 2
    today = plan_of(facts).ends_on + timedelta(days=1)
    for system in facts["systems"]:
        _timed(f"{system} lives {today}", _system, system, "day", box, *_which(facts))
        _system(system, "stop", box)
    facts = {**facts, "lived": today.isoformat()}
    set_clock(box / "clock", datetime.combine(today, FIRST_NIGHT.timetz()))
    plan = plan_of(facts)
    drop.write_drop(plan, home / "drop")
    (box / "truth.json").write_text(json.dumps(truth(plan), indent=1, ensure_ascii=False), encoding="utf-8")
    _write_facts(box, facts)
    _start(box, facts)
    configuration.write(home, box, plan, tuple(facts["systems"]))
    return 0


def down(arguments: argparse.Namespace) -> int:
    """Stop what `up` and the demo's nights started."""
    box = arguments.home / "sandbox"
    for system in _facts(box).get("systems", []):
        _system(system, "stop", box)
    if (arguments.home / "meridian.toml").exists():
        _python("flows.cli", "down", "--config", str(arguments.home / "meridian.toml"))
    return 0


def status(arguments: argparse.Namespace) -> int:
    print(json.dumps(_facts(arguments.home / "sandbox"), indent=2))
    return 0


def set_clock(path: Path, instant: datetime) -> None:
    """The company's instant and the real one at which it was set; flows.settings reads both."""
    path.write_text(f"{instant.isoformat()} {datetime.now(UTC).isoformat()}\n", encoding="utf-8")


def company_now(path: Path) -> datetime:
    company, real = map(datetime.fromisoformat, path.read_text(encoding="utf-8").split())
    return company + (datetime.now(UTC) - real)


def _facts(box: Path) -> Facts:
    path = box / "sandbox.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _write_facts(box: Path, facts: Facts) -> None:
    (box / "sandbox.json").write_text(json.dumps(facts), encoding="utf-8")


def _which(facts: Facts) -> tuple[str, ...]:
    return ("--size", facts["size"], "--seed", str(facts["seed"]))


def _system(system: str, verb: str, box: Path, *more: str) -> None:
    _python(f"sandbox.{system}", verb, "--home", str(box), *more)


def _python(module: str, *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=PROJECT, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def _timed(what: str, do: Callable[..., Result], *arguments: object) -> Result:
    started = time.monotonic()
    print(f"  {what} ...", flush=True)
    result = do(*arguments)
    print(f"  {what}: {time.monotonic() - started:.1f} s", flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
