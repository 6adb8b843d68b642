"""Debian's packages, installed quietly and without starting any service of theirs: for the real systems of the sandbox."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

POLICY = Path("/usr/sbin/policy-rc.d")

OPTIONS = (
    "-y", "-q", "--no-install-recommends",
    "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold",
    "-o", "Dpkg::Options::=--force-unsafe-io",          # fsync per file costs a third of the time; nothing here outlives the sandbox
    "-o", "Dpkg::Options::=--path-exclude=/usr/share/man/*",
    "-o", "Dpkg::Options::=--path-exclude=/usr/share/doc/*",
)


def search_path() -> str:
    """PATH, and where Debian puts an administrator's programs: other people's PATH leaves that out, as does root's after `su`, and apt itself needs it."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


class CannotInstall(Exception):
    """A system cannot be installed on this machine; the text is one line that says why."""


def why_not(what: str, command: str) -> str | None:
    """One line saying why this machine cannot install `what`; None when it can. command: what somebody with root runs once."""
    if shutil.which("apt-get") is None:
        return f"{what} needs Debian's apt, which this machine does not have"
    if os.geteuid() != 0:
        return f"{what} is installed by apt, which needs root; run once: sudo {command}"
    return None


def install(what: str, packages: Sequence[str], is_installed: Callable[[], bool], *, answers: str = "", log: Path | None = None) -> None:
    """Install `packages` unless `is_installed()`. answers: Debian's questions, as debconf-set-selections takes them. log: where apt's output goes.

    Raises CannotInstall when the packages are out of reach, RuntimeError when apt failed.
    """
    with (Path(tempfile.gettempdir()) / "meridian-apt.lock").open("w") as lock:      # two at once would meet apt's own locks and give up
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_installed():
            _install(what, packages, answers, log)
    if not is_installed():
        raise RuntimeError(f"apt-get said yes, but {what} or one of its tools is missing")


def _install(what: str, packages: Sequence[str], answers: str, log: Path | None) -> None:
    environment = {**os.environ, "PATH": search_path(), "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    subprocess.run(["debconf-set-selections"], input=answers, text=True, env=environment, check=False, capture_output=True)
    ours = not POLICY.exists()
    if ours:        # the packages' scripts ask this file whether they may start their services
        POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
        POLICY.chmod(0o755)
    try:
        if _apt(["install", *OPTIONS, *packages], environment, log) != 0:
            if _apt(["update", "-q"], environment, log) != 0 and not _known(packages[0]):
                raise CannotInstall(f"the packages of {what} cannot be fetched: apt-get update failed (no network?)")
            if not _known(packages[0]):
                raise CannotInstall(f"apt does not know {packages[0]}; Debian 12 or newer has it")
            if _apt(["install", *OPTIONS, *packages], environment, log) != 0:
                raise RuntimeError(f"apt-get install of {', '.join(packages)} failed; its output is in {log or 'the terminal'}")
    finally:
        if ours:
            POLICY.unlink(missing_ok=True)


def _known(package: str) -> bool:
    shown = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True, check=False)
    return "Candidate:" in shown.stdout and "Candidate: (none)" not in shown.stdout


def _apt(arguments: list[str], environment: dict[str, str], log: Path | None) -> int:
    if log is None:
        return subprocess.run(["apt-get", *arguments], env=environment, check=False, stdin=subprocess.DEVNULL).returncode
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        return subprocess.run(
            ["apt-get", *arguments], env=environment, check=False, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        ).returncode
