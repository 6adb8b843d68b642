"""Installs Request Tracker 5 from Debian's own packages, quietly and without starting any service.

Only the program goes onto the machine; every database, configuration and log of ours lives in a home folder (home.py).
Exit codes (the demo falls back to the Zendesk stand-in on 3): 0 installed or already there, 3 this machine cannot
(no apt, not root, packages unknown), 4 apt tried and failed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CANNOT_INSTALL = 3
INSTALL_FAILED = 4

# starlet comes with rt5-standalone: a preforking server, whereas the package's own front serves one request at a time.
PACKAGES = ("request-tracker5", "rt5-standalone", "rt5-db-sqlite", "faketime")
RT_LIBRARY = Path("/usr/share/request-tracker5/lib/RT.pm")
POLICY = Path("/usr/sbin/policy-rc.d")

# Debian's questions, answered: no database of the package's own (ours are per home folder), no mail leaves this machine.
ANSWERS = """\
request-tracker5 request-tracker5/dbconfig-install boolean false
request-tracker5 request-tracker5/initialize-permissions note
exim4-config exim4/dc_eximconfig_configtype select no configuration at this time
"""

APT_OPTIONS = (
    "-y", "-q", "--no-install-recommends",
    "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold",
    "-o", "Dpkg::Options::=--force-unsafe-io",          # fsync per file costs a third of the time; nothing here outlives the sandbox
    "-o", "Dpkg::Options::=--path-exclude=/usr/share/man/*",
    "-o", "Dpkg::Options::=--path-exclude=/usr/share/doc/*",
)


class CannotInstall(Exception):
    """Request Tracker cannot be installed here; the text is one line that says why."""


def is_installed() -> bool:
    """Whether everything the sandbox calls is on this machine."""
    return RT_LIBRARY.exists() and all(shutil.which(name) for name in ("faketime", "perl", "rt-setup-database-5"))


def why_not() -> str | None:
    """One line saying why this machine cannot install Request Tracker; None when it can (or already has it)."""
    if is_installed():
        return None
    if shutil.which("apt-get") is None:
        return "Request Tracker needs Debian's apt, which this machine does not have"
    if os.geteuid() != 0:
        return "Request Tracker is installed by apt, which needs root; run once: sudo python3 -m sandbox.request_tracker install"
    return None


def install(*, log: Path | None = None) -> float:
    """Installs what is missing and returns the seconds it took. Raises CannotInstall, or RuntimeError when apt failed."""
    started = time.monotonic()
    if is_installed():
        return 0.0
    reason = why_not()
    if reason:
        raise CannotInstall(reason)
    with (Path(tempfile.gettempdir()) / "meridian-apt.lock").open("w") as lock:      # two at once would meet apt's own locks and give up
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_installed():
            _install(log)
    return time.monotonic() - started


def _install(log: Path | None) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    subprocess.run(["debconf-set-selections"], input=ANSWERS, text=True, env=environment, check=False, capture_output=True)
    ours = not POLICY.exists()
    if ours:        # the packages' scripts ask this file whether they may start their services
        POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
        POLICY.chmod(0o755)
    try:
        if _apt(["install", *APT_OPTIONS, *PACKAGES], environment, log) != 0:
            if _apt(["update", "-q"], environment, log) != 0 and not _known():
                raise CannotInstall("Request Tracker's packages cannot be fetched: apt-get update failed (no network?)")
            if not _known():
                raise CannotInstall("apt does not know request-tracker5; Debian 12 or newer has it")
            if _apt(["install", *APT_OPTIONS, *PACKAGES], environment, log) != 0:
                raise RuntimeError(f"apt-get install of {', '.join(PACKAGES)} failed; its output is in {log or 'the terminal'}")
    finally:
        if ours:
            POLICY.unlink(missing_ok=True)
    if not is_installed():
        raise RuntimeError(f"apt-get said yes, but {RT_LIBRARY} or one of its tools is missing")


def _known() -> bool:
    shown = subprocess.run(["apt-cache", "policy", PACKAGES[0]], capture_output=True, text=True, check=False)
    return "Candidate:" in shown.stdout and "Candidate: (none)" not in shown.stdout


def _apt(arguments: list[str], environment: dict[str, str], log: Path | None) -> int:
    if log is None:
        return subprocess.run(["apt-get", *arguments], env=environment, check=False, stdin=subprocess.DEVNULL).returncode
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        return subprocess.run(
            ["apt-get", *arguments], env=environment, check=False, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        ).returncode


def main(log: Path | None = None) -> int:
    try:
        seconds = install(log=log)
    except CannotInstall as problem:
        print(problem, file=sys.stderr)
        return CANNOT_INSTALL
    except RuntimeError as problem:
        print(problem, file=sys.stderr)
        return INSTALL_FAILED
    print("Request Tracker 5 was already installed" if seconds == 0 else f"Request Tracker 5 installed in {seconds:.0f} s")
    return 0
