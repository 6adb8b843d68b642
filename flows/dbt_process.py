"""dbt as a child that dies with its parent.

A night that is killed while dbt runs must not leave a dbt behind: it would hold the warehouse locked, and the next night could not build.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1        # prctl(2): "the signal the calling process will get when its parent dies"


def main() -> None:
    parent = int(sys.argv.pop(1))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:           # it died before we asked
        os._exit(1)
    from dbt.cli.main import cli

    cli()


if __name__ == "__main__":
    main()
