"""Installs Request Tracker 5 from Debian's own packages, quietly and without starting any service.

Only the program goes onto the machine; every database, configuration and log of ours lives in a home folder (home.py).
Exit codes (the demo falls back to the Zendesk stand-in on 3): 0 installed or already there, 3 this machine cannot
(no apt, not root, packages unknown), 4 apt tried and failed.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from sandbox import apt
from sandbox.apt import CannotInstall

CANNOT_INSTALL = 3
INSTALL_FAILED = 4

# starlet comes with rt5-standalone: a preforking server, whereas the package's own front serves one request at a time.
PACKAGES = ("request-tracker5", "rt5-standalone", "rt5-db-sqlite", "faketime")
RT_LIBRARY = Path("/usr/share/request-tracker5/lib/RT.pm")

# Debian's questions, answered: no database of the package's own (ours are per home folder), no mail leaves this machine.
ANSWERS = """\
request-tracker5 request-tracker5/dbconfig-install boolean false
request-tracker5 request-tracker5/initialize-permissions note
exim4-config exim4/dc_eximconfig_configtype select no configuration at this time
"""


def is_installed() -> bool:
    """Whether everything the sandbox calls is on this machine."""
    return RT_LIBRARY.exists() and all(shutil.which(name, path=apt.search_path()) for name in ("faketime", "perl", "rt-setup-database-5"))


def why_not() -> str | None:
    """One line saying why this machine cannot install Request Tracker; None when it can (or already has it)."""
    return None if is_installed() else apt.why_not("Request Tracker", "python3 -m sandbox.request_tracker install")


def install(*, log: Path | None = None) -> float:
    """Installs what is missing and returns the seconds it took. Raises CannotInstall, or RuntimeError when apt failed."""
    started = time.monotonic()
    if is_installed():
        return 0.0
    reason = why_not()
    if reason:
        raise CannotInstall(reason)
    apt.install("Request Tracker", PACKAGES, is_installed, answers=ANSWERS, log=log)
    return time.monotonic() - started


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
