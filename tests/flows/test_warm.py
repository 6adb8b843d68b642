"""A program begun warm is a process like any other."""

from __future__ import annotations

import os

from tests.flows import warm


def test_it_says_and_ends_as_the_program_does() -> None:
    program = "import os, sys\nprint('out', sys.argv[1], os.environ['HUE'], os.getppid() != int(sys.argv[2]))\nprint('aside', file=sys.stderr)\nsys.exit(3)"
    done = warm.run(program, ["ä", str(os.getpid())], {"HUE": "blue"})
    assert (done.returncode, done.stdout, done.stderr) == (3, "out ä blue True\n", "aside\n")


def test_what_it_sets_is_gone_with_it() -> None:
    warm.run("import os, flows.cli\nflows.cli.left = os.environ['left'] = 'behind'", [], {})
    assert warm.run("import os, flows.cli\nprint(hasattr(flows.cli, 'left'), 'left' in os.environ)", [], {}).stdout == "False False\n"


def test_it_can_be_killed_and_fail() -> None:
    assert warm.run("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", [], {}).returncode == -9
    failed = warm.run("raise ValueError('no such night')", [], {})
    assert failed.returncode == 1 and failed.stderr.rstrip().endswith("ValueError: no such night")


def test_what_is_to_be_done_at_the_end_is_done() -> None:
    assert warm.run("import atexit\natexit.register(print, 'last')", [], {}).stdout == "last\n"
