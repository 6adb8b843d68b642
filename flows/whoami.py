"""Who sits at this terminal, as far as the operating system knows: by what the kernel says, never by variables that anybody can set."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

LOGIN = Path("/proc/self/loginuid")       # who logged in, also behind sudo and su; Linux, where logins are audited
UNSET = 2**32 - 1


def account(login: Path = LOGIN) -> str:
    """The account's name; of one without a name (in a container, say) its number."""
    try:
        number = int(login.read_text())
    except (OSError, ValueError):
        number = UNSET
    if number == UNSET:
        number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
