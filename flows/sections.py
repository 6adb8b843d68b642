"""The sections of meridian.toml, and what may stand in each."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from flows.accounts import Account
from flows.alerting.delivery_options import Channel, Serve, Watch
from flows.alerting.options import Alerts
from flows.automation.options import Automations
from flows.reporting.options import Reports
from flows.store.postgres_options import BuiltInPostgres, Postgres
from flows.store.retention_options import Retention

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Company(_Section):
    name: str
    time_zone: str = "UTC"
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    languages: tuple[Literal["en", "zh-CN"], ...] = ("en",)
    domains: tuple[str, ...] = ()            # of our own people's addresses
    robots: tuple[Account, ...] = ()         # accounts behind which nobody sits, "<source>:<number or name of the user>"
    suggestions: tuple[str, ...] = ()        # queues or tags of the helpdesk whose tickets are suggestions for improvement

    @field_validator("domains")
    @classmethod
    def bare_domains(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if odd := [domain for domain in value if not re.fullmatch(r"[^@\s]+\.[^@\s.]+", domain)]:
            raise ValueError(f"{odd[0]!r} is no domain; write what stands behind the @, for example example.com")
        return tuple(domain.casefold() for domain in value)

    @field_validator("time_zone")
    @classmethod
    def known_zone(cls, value: str) -> str:
        return _known_zone(value)


class Worklists(_Section):
    """From how much on something is work. What is not set here stands in dbt_project/macros/worklists.sql."""

    complaint_days_before_due: int = Field(default=2, ge=0, le=60)      # a complaint is listed so long before its limit
    late_rate: float = Field(default=0.10, gt=0, lt=1)                  # of a supplier's lines
    losing_weeks: int = Field(default=2, ge=1, le=26)                   # in which a campaign brought less than it cost
    surge_factor: float = Field(default=1.5, gt=1, le=20)               # orders of a day against what is usual
    surge_lines: int = Field(default=10, ge=1, le=100)                  # teams and days named with it
    quiet_days: int = Field(default=90, ge=7, le=730)                   # without an order or a word of a key account
    key_accounts: int = Field(default=20, ge=1, le=1000)                # the largest customers
    skipped_days: int = Field(default=14, ge=1, le=90)                  # for which a skipped step is listed
    stale_days: int = Field(default=21, ge=1, le=365)                   # in which an opportunity did not move
    worse_weeks: int = Field(default=2, ge=1, le=26)                    # that a KPI is out of its limits
    rekey_days: int = Field(default=1, ge=0, le=30)                     # for entering an order in a partner's portal
    suggestion_days: int = Field(default=10, ge=1, le=180)              # for answering a suggestion


class State(_Section):
    """ledger_env: name of the environment variable with postgresql://user:password@host/database."""

    home: str = "var"
    ledger: str | None = None
    ledger_env: str | None = None
    ledger_tls_ca: str | None = None         # path of your company's CA bundle
    ledger_allow_plain: bool = False         # no TLS, only where the network is your own

    store: str | None = None                 # an fsspec URL that all hosts reach, s3://bucket/prefix or file:///mnt/share
    store_options: dict[str, str | int | bool] = {}          # what its filesystem is made with, endpoint_url for instance
    store_secrets: dict[str, str] = {}       # option -> name of the environment variable that has it: key, secret

    @field_validator("store")
    @classmethod
    def an_address(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[a-z][a-z0-9+]*://[^\s@]+", value):
            raise ValueError("not an address without keys, such as s3://bucket/prefix or file:///mnt/share; keys are named by store_secrets")
        return value

    @field_validator("store_options")
    @classmethod
    def no_keys(cls, value: dict[str, str | int | bool]) -> dict[str, str | int | bool]:
        if found := [name for name in value if re.search(r"secret|password|token|^key$|account_key", name)]:
            raise ValueError(f"{found[0]} does not belong into this file: name the environment variable that holds it in store_secrets")
        return value

    @field_validator("ledger")
    @classmethod
    def no_password(cls, value: str | None) -> str | None:
        if value and re.search(r"://[^/@\s]*:[^/@\s]+@", value):
            raise ValueError("a password does not belong into this file: name the environment variable that holds the address by ledger_env")
        return value

    @model_validator(mode="after")
    def one_ledger(self) -> State:
        if self.ledger and self.ledger_env:
            raise ValueError("the ledger is ledger or what ledger_env names, not both")
        if self.store and not self.ledger_env:
            raise ValueError("store is for several hosts, which share a ledger in PostgreSQL, too: ledger_env names the variable with its address")
        return self


class Night(_Section):
    schedule: str = "30 2 * * *"
    time_zone: str | None = None
    threads: int = Field(default=2, ge=1, le=64)
    memory: str = Field(default="2GB", pattern=r"^\d+ ?(MB|GB|TB)$")       # of dbt's DuckDB; what does not fit goes beside the warehouse
    compare_days: int = Field(default=7, ge=1)
    compare_requests: int = Field(default=60, ge=0)
    published_by: str | None = Field(default=None, pattern=r"^([01]\d|2[0-3]):[0-5]\d$")      # HH:MM; later than that the marts are called late
    spread: bool = False                                                    # sources are read by whatever host of the work pool has time
    spread_seconds: float = Field(default=300, ge=1)                        # so long a source waits for one; then it is read where the night runs
    read_here: tuple[str, ...] = ()                                         # sources that only the night's own host reaches
    clock_file: str | None = None
    log_format: Literal["text", "json"] = "text"


class Publish(_Section):
    keep_days: int | None = Field(default=None, ge=1)        # the earlier name of retention.versions_days
    postgres: Postgres = Postgres()


class BuiltInSpark(_Section):
    """folder: where the Parquet files go, on a file system that every machine of the cluster has at this path; without one nothing is built.

    master: Spark's own word for where it works: every core of this machine, or a cluster. memory: of the driver and of each executor.
    """

    folder: str | None = None
    master: str = Field(default="local[*]", pattern=r"^(local(\[(\*|\d+)\])?|spark://\S+|yarn|k8s://\S+)$")
    memory: str = Field(default="2g", pattern=r"^\d+[mg]$")

    @field_validator("folder")
    @classmethod
    def on_a_file_system(cls, value: str | None) -> str | None:
        if value is not None and "://" in value:
            raise ValueError("a path: object stores have no rename, by which readers get all of a build or none")
        return value

    @property
    def is_local(self) -> bool:
        return self.master.startswith("local")


class Warehouse(_Section):
    postgres: BuiltInPostgres = BuiltInPostgres()
    spark: BuiltInSpark = BuiltInSpark()


class Calendar(_Section):
    time_zone: str
    holidays: tuple[date, ...] = ()
    mon: tuple[tuple[str, str], ...] = ()
    tue: tuple[tuple[str, str], ...] = ()
    wed: tuple[tuple[str, str], ...] = ()
    thu: tuple[tuple[str, str], ...] = ()
    fri: tuple[tuple[str, str], ...] = ()
    sat: tuple[tuple[str, str], ...] = ()
    sun: tuple[tuple[str, str], ...] = ()

    @field_validator("time_zone")
    @classmethod
    def known_zone(cls, value: str) -> str:
        return _known_zone(value)

    @field_validator(*WEEKDAYS)
    @classmethod
    def times(cls, value: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        for opens, closes in value:
            for written in (opens, closes):
                if not _TIME.fullmatch(written):
                    raise ValueError(f"{written!r} is not a time of day; write HH:MM, at most 24:00")
        return value


class Source(BaseModel):
    """kind and, beside it, the options of that kind (checked by the connector itself)."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: str
    stale_after_hours: float = Field(default=36, gt=0)
    read_from: date | None = None            # the nights read what was last changed from this day on; backfills read what is older
    personal: dict[str, str] = {}            # what becomes of personal data before it lands; connectors/personal.py

    @field_validator("personal", mode="before")
    @classmethod
    def no_tables(cls, value: Any) -> Any:
        """TOML reads tickets.subject without quotes as a table in a table."""
        return dotted(value) if isinstance(value, dict) else value

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Lineage(_Section):
    """Where OpenLineage events go; flows/lineage.py says what they are."""

    url: str | None = Field(default=None, pattern=r"^https?://[^\s@?#]+$")         # no password in it
    endpoint: str = Field(default="/api/v1/lineage", pattern=r"^/\S*$")
    token_env: str | None = None
    file: str | None = None
    namespace: str = "meridian"
    patience_seconds: float = Field(default=20, ge=0, le=600)

    @model_validator(mode="after")
    def one_place(self) -> Lineage:
        if self.url and self.file:
            raise ValueError("events go to url or to file, not to both")
        return self

    @property
    def is_wanted(self) -> bool:
        return bool(self.url or self.file)

    @property
    def address(self) -> str:
        return f"{(self.url or '').rstrip('/')}{self.endpoint}"


class Configuration(_Section):
    company: Company
    state: State = State()
    night: Night = Night()

    @field_validator("night")
    @classmethod
    def spread_over_what(cls, value: Night, info: ValidationInfo) -> Night:
        if value.spread and not getattr(info.data.get("state"), "store", None):
            raise ValueError("spread is for several hosts, which share a ledger and a store: see ledger_env and store in [state]")
        return value

    publish: Publish = Publish()
    warehouse: Warehouse = Warehouse()
    alerts: Alerts = Alerts()
    automations: Automations = Automations()
    reports: Reports = Reports()
    calendars: dict[str, Calendar] = {}
    sources: dict[str, Source] = {}
    channels: dict[str, Channel] = {}
    serve: Serve = Serve()
    watch: Watch = Watch()
    retention: Retention = Retention()
    lineage: Lineage = Lineage()
    worklists: Worklists = Worklists()


def _known_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError(f"not an IANA time zone{nearest(value, sorted(available_timezones()))}")
    return value


def dotted(tables: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """{'a': {'b': 1}} -> {'a.b': 1}."""
    found: dict[str, Any] = {}
    for name, value in tables.items():
        found |= dotted(value, f"{above}{name}.") if isinstance(value, dict) else {f"{above}{name}": value}
    return found


def nearest(wrong: str, valid: list[str]) -> str:
    """The end of an error: the name that was perhaps meant, or all that would be right."""
    close = difflib.get_close_matches(wrong, valid, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; valid here: {', '.join(valid)}"
