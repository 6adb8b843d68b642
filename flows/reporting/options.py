"""`[reports]` in meridian.toml: who hears of the weekly report and the monthly review.

    [reports]
    channels = ["mail"]        # without any: the first channel that there is
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Reports(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    channels: tuple[str, ...] = ()
