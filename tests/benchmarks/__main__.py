"""All benchmarks, one after another: `make bench` (an hour) or `make bench-full` (a day), never beside other work.

What each prints goes to the terminal and, with the machine and the day, to var/benchmarks/<day>.md; RESULTS.md beside this file keeps what was learnt.
One that fails is named at the end, and the others are run.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks.measuring import machine

# name: what it is asked for in an hour, and in a day
ASKED = {
    "extract": ("--rows 100000 --runs 1", "--rows 1000000 --runs 5 --leave-out 'dlt, defaults'"),
    "orchestration": ("--runs 1", "--runs 5"),
    "nights": ("--tickets 20000 --lines 80000 --turns 3", "--tickets 200000 --lines 800000 --turns 5"),
    "year": ("--nights 30", "--nights 365"),
    "plain_sql": ("--tickets 20000 --lines 80000 --turns 3", "--tickets 200000 --lines 800000 --turns 5"),
    "growth": ("--smallest 2000", "--smallest 100000 --turns 3"),
    "checks": ("--tickets 200000 --turns 3", "--tickets 1000000 --turns 5"),
    "business_time": ("--intervals 200000 --turns 3", "--intervals 1000000 --turns 5"),
    "alert_rules": ("--rules 50 --segments 1000", "--rules 500 --segments 1000"),
    "readers": ("--readers 12 --publishes 4 --rows 20000", "--readers 100 --publishes 20 --rows 200000"),
    "dashboards": ("--lines 200000 --turns 3", "--lines 10000000 --turns 5"),
    "false_alarms": ("", ""),
    "false_verdicts": ("", ""),
    "kills": ("--kills 100", "--kills 1000"),
    "robot": ("", ""),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", help=f"of {', '.join(ASKED)}; none: all")
    parser.add_argument("--full", action="store_true")
    asked = parser.parse_args()
    if unknown := set(asked.only) - ASKED.keys():
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(ASKED)}")
    page = Path("var/benchmarks") / f"{time.strftime('%Y-%m-%dT%H%M')}.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    failed = []
    with page.open("w", encoding="utf-8") as written:
        for name in asked.only or ASKED:
            command = [sys.executable, "-m", f"tests.benchmarks.{name}", *shlex.split(ASKED[name][asked.full])]
            head = f"## {name}\n\n{machine()}\n\n`{shlex.join(command[1:])}`\n"
            print(head, flush=True)
            started = time.monotonic()
            ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            foot = f"{time.monotonic() - started:.0f} s" + (f", ended with {ended.returncode}" if ended.returncode else "")
            print(f"{ended.stdout}\n{foot}\n", flush=True)
            written.write(f"{head}\n```\n{ended.stdout}```\n\n{foot}\n\n")
            written.flush()
            failed += [name] * bool(ended.returncode)
    print(page)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
