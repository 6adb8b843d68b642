"""`[channels.*]`, `[serve]` and `[watch]` in meridian.toml: where messages go, what answers their links, who hears when we cannot speak."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Channel(BaseModel):
    """kind and, beside it, the options of that kind. language: of what is written there (None: the company's first). fallback: the channel that
    gets what this one cannot deliver (None: the first other one)."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: str
    language: Literal["en", "zh-CN"] | None = None
    fallback: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Serve(_Section):
    """public_url: how people reach `meridian serve`, where a proxy stands before it; links in messages begin with it.

    metrics_token_env: of what `/metrics` asks for as a bearer token. Without one it answers this machine alone, and nobody behind a proxy."""

    host: str = "127.0.0.1"
    port: int = Field(default=8787, ge=1, le=65535)
    public_url: str | None = Field(default=None, pattern=r"^https?://[^\s/]+(/[^\s?#]*)?$")
    behind_proxy: bool = False               # X-Forwarded-For says who clicks; without a proxy that sets it anybody could write it
    link_days: float = Field(default=7, gt=0, le=60)
    metrics_token_env: str | None = None

    @property
    def url(self) -> str:
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


class Watch(_Section):
    """url_env: of a dead man's switch, asked every five minutes while all is well: it raises the alarm when we no longer can.

    late_to: channels that hear of marts later than `published_by` of `[night]` (without any: the first that there is)."""

    url_env: str | None = None
    late_to: tuple[str, ...] = ()
    overdue_minutes: float = Field(default=30, ge=5)
