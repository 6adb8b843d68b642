"""`[retention]` in meridian.toml: how long what a deployment writes is kept.

    [retention]
    versions_days = 30          # published versions; the current one and the one before it stay, however old
    rejected_days = 400         # landed files that were left out, once their window was read again
    messages_days = 400         # the text of messages that were delivered, and the attempts to; that they were sent stays
    nights_days = 400           # reports of nights, and what sources and landing were compared to
    prefect_days = 60           # finished runs in Prefect, with their logs and artifacts
    evidence_days = 30          # what robots left of their failures; a target's own keep_days goes first
    log_megabytes = 20          # of each log; one file as large of what stood before is kept beside it

What landed and counts has no limit, and neither have the audit, intents and proposals, the grid, or which batches there are: nothing else could tell of it.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Retention(BaseModel):
    """Days and megabytes. The least that is allowed is what something still reads: links may be used for 60 days, comparisons are published for 90."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    versions_days: int | None = Field(default=None, ge=1)          # None: publish.keep_days, its earlier name; else 30
    rejected_days: int = Field(default=400, ge=30)
    messages_days: int = Field(default=400, ge=90)
    nights_days: int = Field(default=400, ge=120)
    prefect_days: int = Field(default=60, ge=2)
    evidence_days: int = Field(default=30, ge=1)
    log_megabytes: int = Field(default=20, ge=1)
