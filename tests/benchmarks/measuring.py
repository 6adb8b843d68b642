"""What benchmarks share: CPU seconds of a process tree, medians, the machine in a line, the environments of peers."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb


def cpu() -> float:
    """CPU seconds, user and system, of this process and of all its ended children."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def largest() -> float:
    """MB of the largest process so far, of this one and all its ended children."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1000


def cost(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds that it took, and what it gave."""
    before = cpu()
    given = work()
    return cpu() - before, given


def in_turns(turns: int, **work: Callable[[], Any]) -> tuple[dict[str, float], dict[str, Any]]:
    """Each in turn, so that a machine that drifts drifts for all: median CPU seconds, and the last answers, by name."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    answers: dict[str, Any] = {}
    for _ in range(turns):
        for name, one in work.items():
            took, answers[name] = cost(one)
            seconds[name].append(took)
    return {name: statistics.median(taken) for name, taken in seconds.items()}, answers


def machine() -> str:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return (f"{time.strftime('%Y-%m-%d %H:%M')}, {os.cpu_count()} cores ({platform.machine()}), load {load}, Python {sys.version.split()[0]}, "
            f"DuckDB {duckdb.__version__}")


def python_with(folder: Path, packages: Sequence[str]) -> str:
    """The Python of an environment that has these packages, made in the folder when there is none: peers' pins and ours do not go together."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
    return str(python)
