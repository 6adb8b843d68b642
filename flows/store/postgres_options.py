"""`[publish.postgres]` of meridian.toml: where the marts go in PostgreSQL, and who sees which rows there."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

TLS_CA, ALLOW_PLAIN = "meridian_tls_ca", "meridian_allow_plain"       # options that the ledger's address carries from the settings to its engine
Name = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,39}$")]      # PostgreSQL cuts names at 63 bytes; a version's takes 17 more


class Rows(BaseModel):
    """What the members of a role see: rows whose column (or segment type) of that name has one of the values. `tables` are seen whole.

    all: of tables by segment, the rows of the whole company, too.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    all: bool = False
    tables: tuple[str, ...] = ()

    @model_validator(mode="after")
    def lists_of_values(self) -> Rows:
        for name, values in (self.model_extra or {}).items():
            if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
                raise ValueError(f'{name}: a list of values, such as {name} = ["Retail"]')
        if not self.model_extra:
            raise ValueError('names no column to filter by, such as business_unit = ["Retail"]')
        return self

    @property
    def values(self) -> dict[str, list[str]]:
        return dict(self.model_extra or {})


class Postgres(BaseModel):
    """url_env: name of the environment variable with postgresql://user:password@host/database; without one nothing is published there.

    reader: role that may read everything and change nothing. keep_versions: how many can be read by name (`marts_2026_11_01_001`). people: addresses of
    people are masked, or shown as they are in the marts. patience_seconds: how long one waits for readers where a table changes its columns.
    tls_ca: path of your company's CA bundle. allow_plain: no TLS, only where the network is your own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    url_env: str | None = None
    schema_name: Name = Field(default="marts", alias="schema")
    reader: Name = "meridian_reader"
    keep_versions: int = Field(default=3, ge=1, le=50)
    people: Literal["mask", "show"] = "mask"
    patience_seconds: float = Field(default=60, ge=0)
    tls_ca: str | None = None
    allow_plain: bool = False
    rows: dict[Name, Rows] = {}

    @model_validator(mode="before")
    @classmethod
    def reader_is_not_filtered(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("reader", "meridian_reader") in (value.get("rows") or {}):
            raise ValueError("rows names the reader, who sees everything: give the role that sees a part a name of its own")
        return value


class BuiltInPostgres(Postgres):
    """`[warehouse.postgres]`: the database of the company's own in which `meridian warehouse build` works the marts out. People are shown as in the marts."""

    schema_name: Name = Field(default="warehouse", alias="schema")

    @model_validator(mode="before")
    @classmethod
    def of_publishing_only(cls, value: Any) -> Any:
        for option in ("keep_versions", "people"):
            if isinstance(value, dict) and option in value:
                raise ValueError(f"{option} is of [publish.postgres]: a build keeps one version, with people as they are in the marts")
        return value
