"""Java for Spark, from Debian's packages: `python3 -m sandbox.java install`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from shutil import which

from sandbox import apt
from sandbox.apt import CannotInstall

PACKAGES = ("openjdk-17-jre-headless",)


def install() -> None:
    """Unless there is one. Raises CannotInstall where this machine cannot, RuntimeError when apt failed."""
    if which("java") is not None:
        return
    if (reason := apt.why_not("Java", "python3 -m sandbox.java install")) is not None:
        raise CannotInstall(reason)
    apt.install("Java", PACKAGES, lambda: which("java") is not None)


def main(arguments: Sequence[str]) -> int:
    if list(arguments) != ["install"]:
        print("usage: python3 -m sandbox.java install", file=sys.stderr)
        return 2
    try:
        install()
    except (CannotInstall, RuntimeError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
