"""python -m sandbox.company write --size small --seed 7 --out DIR [--drop DIR]: writes DIR/truth.json, and the drop folder if one is named."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from sandbox.company.story import write_plan
from sandbox.company.truth import truth
from sandbox.drop import write_drop


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.company", description="The sandbox company's story: one seed, one history.")
    write = parser.add_subparsers(dest="verb", required=True).add_parser("write", help="write truth.json (and the drop folder)")
    write.add_argument("--size", choices=("small", "full"), default="small")
    write.add_argument("--seed", type=int, default=7)
    write.add_argument("--out", type=Path, required=True, help="folder for truth.json")
    write.add_argument("--drop", type=Path, help="folder for the company's files")
    chosen = parser.parse_args(arguments)
    plan = write_plan(seed=chosen.seed, size=chosen.size)
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / "truth.json"
    path.write_text(json.dumps(truth(plan), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{path}: {len(plan.orders):,} orders, {len(plan.tickets):,} tickets, {len(plan.leads):,} leads, {len(plan.purchases):,} purchases")
    if chosen.drop:
        print(f"{chosen.drop}: {len(write_drop(plan, chosen.drop))} files written")


if __name__ == "__main__":
    main()
