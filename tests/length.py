"""How long a run is: `make test` bounds what is random or repeated, `make drill` runs all of it."""

from __future__ import annotations

import os

IS_DRILL = bool(os.environ.get("MERIDIAN_DRILL"))
