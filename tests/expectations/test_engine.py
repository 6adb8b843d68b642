"""What Great Expectations tells of itself is nobody's business."""

from __future__ import annotations

import subprocess
import sys

SAID = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout)
from expectations import engine
logging.getLogger().info("it listens")
engine._context()
"""


def test_a_context_is_made_without_a_word() -> None:
    ended = subprocess.run([sys.executable, "-c", SAID], capture_output=True, text=True, check=True)
    assert ended.stdout == "INFO:root:it listens\n"
