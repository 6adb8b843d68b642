"""`[reports]` in meridian.toml: who hears of the weekly report and the monthly review.

    [reports]
    channels = ["mail"]        # without any: the first channel that there is
    attach_bytes = 3_000_000   # a report printed to no more than this goes along with a mail; 0, the default: none does, the mail says where it lies
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Reports(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    channels: tuple[str, ...] = ()
    attach_bytes: int = Field(default=0, ge=0, le=100_000_000)
