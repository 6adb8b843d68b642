"""What is personal stays at its source: a whole night, and every byte it leaves behind."""

from __future__ import annotations

import gzip
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.personal import KEEP_ALL, KEY_VARIABLE, Policy
from connectors.stream import Misconfigured, Page, Stream, UnexpectedShape, Unreachable, Window
from flows import ingest, privacy
from flows.store import ledger as ledgers
from flows.store.landing import read_lines
from flows.store.packing import lines_of
from sandbox.company.plan import Plan
from sandbox.zendesk import load as loading
from tests.flows.conftest import Company
from tests.sandbox.zendesk import desk as desks
from tests.sandbox.zendesk.desk import NOW, TOKEN, helpdesk

KEY = "5eed" * 16

CONFIGURATION = """\
[company]
name = "Small company"
time_zone = "Europe/Berlin"
domains = ["company.example"]
[state]
home = "state"
[night]
clock_file = "clock"
[calendars.office]
time_zone = "Europe/Berlin"
mon = [["09:00", "17:00"]]
[sources.desk]
kind = "zendesk"
url = "{desk}"
email = "{admin}"
token_env = "DESK_TOKEN"
exports_per_minute = 10000
[sources.open_desk]
kind = "zendesk"
url = "{open_desk}"
email = "{admin}"
token_env = "DESK_TOKEN"
exports_per_minute = 10000
personal = {{ default = "keep" }}
[sources.drop]
kind = "files"
folder = "drop"
streams.rosters = {{ pattern = "rosters*.csv", key = ["agent", "starts_at"], personal = {{ agent = "email", phone = "phone", born = "text" }}, dates = {{ born = "dmy" }} }}
streams.people = {{ pattern = "people*.jsonl", key = ["id"], personal = {{ "contact.emails" = "email", "contact.phone" = "phone", notes = "text" }} }}
"""


@dataclass(frozen=True, kw_only=True)
class Planted:
    """One person's values, found nowhere else in the world. sign: tells one Planted from another."""

    sign: str

    @property
    def name(self) -> str:
        return f"Quillfeather{self.sign} Zyxantha{self.sign}"

    @property
    def email(self) -> str:
        return f"zyx.{self.sign}@plantedmail{self.sign}.example"

    @property
    def phone(self) -> str:
        return f"+49 30 5550{ord(self.sign[0])}{ord(self.sign[1])}"

    def said(self, where: str) -> str:
        return f"planted{where}{self.sign} for nobody else"

    def all(self, *texts: str) -> list[str]:
        return [self.name.split()[0], self.name.split()[1], self.email, self.phone, self.phone.replace(" ", ""), *(self.said(where) for where in texts)]


HELPDESK = ("subject", "body", "reply", "notes", "alias", "field", "rating")


def plan(planted: Planted) -> Plan:
    """Two tickets: who asks, in which words, and what is answered, is planted."""
    at = datetime(2026, 10, 20, 9, tzinfo=UTC)
    life = desks.solved_life(at)
    life = tuple(replace(event, value=planted.said("reply")) if event.kind == "public_reply" and event.actor == "agent" else event for event in life)
    made = desks.plan(desks.ticket(1, at, *life, subject=planted.said("subject"), body=planted.said("body")),
                      desks.ticket(2, at + timedelta(days=1), subject=planted.said("subject"), body=planted.said("body")))
    return replace(made, customers=(replace(made.customers[0], name=planted.name, email=planted.email), *made.customers[1:]))


def running(stack: ExitStack, folder: Path, planted: Planted) -> str:
    """A helpdesk in which the customer left a number, a note and an answer. Returns its address."""
    desk = stack.enter_context(helpdesk(folder, plan(planted)))
    customer = desk.state.get("users", loading.CUSTOMERS + 1)
    ticket = desk.state.get("tickets", 1)
    assert customer is not None and ticket is not None
    said = {"phone": planted.phone, "notes": planted.said("notes"), "details": planted.said("notes"), "alias": planted.said("alias"), "made_up_later": planted.email}
    desk.state.put("users", customer | said, int(NOW.timestamp()) - 90_000)
    via = {"channel": "email", "source": {"from": {"address": planted.email.upper(), "name": planted.name}, "to": {"name": "Support", "address": "help@company.example"}}}
    fields = [{"id": 1, "value": planted.said("field")}, {"id": 2, "value": "SO00017"}]
    desk.state.put("tickets", ticket | {"via": via, "custom_fields": fields, "recipient": planted.email}, int(NOW.timestamp()) - 90_000)
    for rating in desk.state.items("satisfaction_ratings"):
        desk.state.put("satisfaction_ratings", rating | {"comment": planted.said("rating")}, int(NOW.timestamp()) - 90_000)
    return desk.url


def left_behind(folder: Path) -> Iterator[tuple[str, bytes]]:
    """(where, bytes) of everything below a folder: as it lies there, unpacked, and every table of every database as text."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        raw = path.read_bytes()
        yield str(path.relative_to(folder)), raw
        if raw[:2] == b"\x1f\x8b":
            yield f"{path.relative_to(folder)} unpacked", gzip.decompress(raw)
        elif ".zst" in path.suffixes:
            yield f"{path.relative_to(folder)} unpacked", b"\n".join(lines_of(path))
        elif raw[8:12] == b"DUCK" or path.suffix == ".parquet":
            yield f"{path.relative_to(folder)} tables", _tables(path)
        elif raw[:6] == b"SQLite":
            connection = sqlite3.connect(path)
            yield f"{path.relative_to(folder)} tables", "\n".join(connection.iterdump()).encode(errors="replace")
            connection.close()


def _tables(path: Path) -> bytes:
    connection = duckdb.connect() if path.suffix == ".parquet" else duckdb.connect(str(path), read_only=True)
    try:
        named = [f"read_parquet('{path}')"] if path.suffix == ".parquet" else [
            f'"{schema}"."{table}"' for schema, table in connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()]
        return "\n".join(str(row) for table in named for row in connection.execute(f"select * from {table}").fetchall()).encode()
    finally:
        connection.close()


def where_found(value: str, places: list[tuple[str, bytes]]) -> list[str]:
    return [where for where, content in places if value.lower().encode() in content]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory, prefect_api: str) -> Iterator[tuple[Company, list[tuple[str, bytes]], str]]:
    """(the company, what its night left anywhere, what it said): one helpdesk by default, one whose data are kept, and dropped files."""
    folder = tmp_path_factory.mktemp("private")
    company = Company(folder=folder, api=prefect_api)
    with ExitStack() as stack:
        text = CONFIGURATION.format(desk=running(stack, folder / "a", Planted(sign="qx")), open_desk=running(stack, folder / "b", Planted(sign="kv")),
                                    admin=loading.ADMIN_EMAIL)
        company.config.write_text(text, encoding="utf-8")
        (folder / ".env").write_text(f"DESK_TOKEN={TOKEN}\n{KEY_VARIABLE}={KEY}\n")
        (folder / ".env").chmod(0o600)
        (folder / "clock").write_text(f"{NOW.isoformat()} {datetime.now(UTC).isoformat()}\n")
        dropped = Planted(sign="fz")
        company.write("drop/rosters.csv", [
            {"agent": agent, "starts_at": "2026-02-02T08:00:00Z", "ends_at": "2026-02-02T16:00:00Z", "phone": dropped.phone, "born": "29/12/1871"}
            for agent in (dropped.email, "amal@company.example")])
        company.write("drop/people.jsonl", [
            {"id": 1, "contact": {"emails": [dropped.email, dropped.email.upper()], "phone": dropped.phone}, "notes": dropped.said("notes"), "assistant": "ok"}])
        broken = Planted(sign="wy")
        company.write("drop/rosters-2.csv", [{"agent": broken.email, "starts_at": "2026-02-03T08:00:00Z", "ends_at": "", "phone": broken.phone, "born": "12/31/1872"}])
        (folder / "drop" / "rosters-2.csv").chmod(0o640)
        done = company.run("nightly")
        said = done.stdout + done.stderr + company.run("status").stdout + company.run("checks").stdout + company.run("source", "sample", "desk", "users").stdout
        assert done.returncode == 0, said
    state = list(left_behind(folder / "state"))
    prefect = [place for home in tmp_path_factory.getbasetemp().glob("prefect*") for place in left_behind(home)]
    reasons = [(path.name, path.read_bytes()) for path in (folder / "drop" / "quarantine").glob("*.reason.txt")]
    assert len(reasons) == 1 and prefect
    yield company, [*state, *prefect, *reasons, ("said", said.lower().encode())], said


def lowered(places: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return [(where, content.lower()) for where, content in places]


def test_nothing_personal_is_anywhere_after_a_night(night: tuple[Company, list[tuple[str, bytes]], str]) -> None:
    places = lowered(night[1])
    assert sum("tables" in where for where, _ in places) > 20
    planted = [*Planted(sign="qx").all(*HELPDESK), *Planted(sign="fz").all("notes"), *Planted(sign="wy").all("notes"), "1871", "29/12", "1872"]
    found = {value: places_of for value in planted if (places_of := where_found(value, places))}
    for value in ("1871", "1872", "29/12"):     # digits of a day may stand in any number
        found[value] = [where for where in found.get(value, ()) if "rosters" in where]
    assert not {value: where for value, where in found.items() if where}


def test_with_keep_the_same_values_are_found_so_that_the_search_can_fail(night: tuple[Company, list[tuple[str, bytes]], str]) -> None:
    places = lowered(night[1])
    kept = Planted(sign="kv")
    for value in [*kept.all(*HELPDESK)]:
        if value not in (kept.phone.replace(" ", ""),):
            assert any("landing" in where for where in where_found(value, places)), value
    for value in (kept.email, kept.name.split()[0], kept.said("subject")):
        assert any("warehouse" in where and "tables" in where for where in where_found(value, places)), value
    assert {"duckdb", "parquet"} <= {where.removesuffix(" tables").rsplit(".", 1)[-1] for where in where_found(kept.said("subject"), places) if "published" in where}


def test_numbers_do_not_change_by_it(night: tuple[Company, list[tuple[str, bytes]], str]) -> None:
    connection = duckdb.connect(str(night[0].settings().published / "marts.duckdb"), read_only=True)
    rows = connection.execute("""
        select ticket_number, source_name, requester_id is not null, assignee, status, rating, channel, first_reply_business_minutes from (
            select source_ticket_id as ticket_number, * from fct_tickets) order by all""").fetchall()
    connection.close()
    assert len(rows) == 4
    by_source = {name: [(row[0], *row[2:]) for row in rows if row[1] == name] for name in ("desk", "open_desk")}
    assert by_source["desk"] == by_source["open_desk"] and by_source["desk"][0][2] == "amal@company.example"


def test_a_person_is_one_token_in_files_and_helpdesk_however_written(night: tuple[Company, list[tuple[str, bytes]], str]) -> None:
    def landed(name: str) -> list[dict[str, Any]]:
        return [line for path in (night[0].settings().landing / name).rglob("*.jsonl.zst") for line in read_lines(path)]

    person = landed("drop/people")[0]["record"]
    assert person["contact"]["emails"][0] == person["contact"]["emails"][1]
    rosters = {line["record"]["agent"]: line for line in landed("drop/rosters")}
    assert set(rosters) == {"amal@company.example", person["contact"]["emails"][0]}
    assert all(line["key"].startswith("hashed-") for line in rosters.values())
    assert {line["record"]["phone"] for line in rosters.values()} == {person["contact"]["phone"]}
    ticket = next(line["record"] for line in landed("desk/tickets") if line["record"]["id"] == 1)
    user = next(line["record"] for line in landed("desk/users") if line["record"]["id"] == loading.CUSTOMERS + 1)
    assert ticket["via"]["source"]["from"]["address"] == ticket["recipient"] == user["email"]
    assert [field["value"] for field in ticket["custom_fields"]][1] == "SO00017"
    assert ticket["via"]["source"]["to"]["address"] == "help@company.example"


def test_a_quarantined_file_stays_in_its_folder_for_those_who_could_read_it_and_its_reason_quotes_nothing(night: tuple[Company, list[tuple[str, bytes]], str]) -> None:
    shelf = night[0].folder / "drop" / "quarantine"
    [aside] = [path for path in shelf.iterdir() if not path.name.endswith(".reason.txt")]
    assert stat.S_IMODE(aside.stat().st_mode) == 0o640
    assert "row 1, born: not a date in the declared order dmy" in Path(f"{aside}.reason.txt").read_text()


# ---- what a night is made of

PEOPLE = Stream(name="people", key=("id",), personal={"email": "email"})


@pytest.fixture
def ledger(tmp_path: Path) -> ledgers.Ledger:
    return ledgers.open_ledger(str(tmp_path / "ledger.sqlite"))


def test_another_key_is_refused_because_everybody_would_be_somebody_else(ledger: ledgers.Ledger) -> None:
    privacy.guard("desk", PEOPLE, Policy(key=KEY), ledger)
    privacy.guard("desk", PEOPLE, KEEP_ALL, ledger)
    privacy.guard("erp", replace(PEOPLE, name="parties"), Policy(key=KEY), ledger)
    with pytest.raises(Misconfigured, match="MERIDIAN_PERSONAL_KEY is not the key that what has landed was hashed with.* begin a new state.home") as refused:
        privacy.guard("erp", PEOPLE, Policy(key=KEY.upper()), ledger)
    assert KEY.upper() not in str(refused.value)


def test_a_key_that_would_change_for_all_records_is_refused(ledger: ledgers.Ledger) -> None:
    rosters = replace(PEOPLE, key=("email", "day"))
    privacy.guard("drop", rosters, Policy(key=KEY), ledger)
    with pytest.raises(Misconfigured, match="part of its key is personal"):
        privacy.guard("drop", rosters, KEEP_ALL, ledger)
    privacy.guard("other", rosters, KEEP_ALL, ledger)
    with pytest.raises(Misconfigured, match="part of its key is personal"):
        privacy.guard("other", rosters, Policy(key=KEY), ledger)


class Stumbling:
    """A connector that stumbles over a record, or is told off by its source, in words that repeat somebody's address."""

    name, kind = "desk", "zendesk"

    def __init__(self, failure: Exception) -> None:
        self.failure = failure

    def streams(self) -> list[Stream]:
        return [PEOPLE]

    def read(self, stream: Stream, window: Window, resume: Any = None) -> Iterator[Page]:
        yield Page(records=[{"id": 1, "email": "mia@mail.example"}], position=1)
        raise self.failure

    def requests_made(self, stream: str) -> int:
        return 0


@pytest.mark.parametrize("failure", [
    ValueError("invalid literal for int() with base 10: 'mia@mail.example'"), TypeError("mia@mail.example"), KeyError("email"),
    UnexpectedShape("409: a contact mia@mail.example exists already"), Unreachable("Key (email)=(Mia.Lund@mail.example) is gone"),
])
def test_no_failure_repeats_what_it_was_about(tmp_path: Path, ledger: ledgers.Ledger, failure: Exception) -> None:
    store = ingest.Store(landing=tmp_path / "landing", ledger=ledger, clock=lambda: NOW, policy=lambda source: Policy(key=KEY))
    result = ingest.ingest_stream(Stumbling(failure), PEOPLE, store)  # type: ignore[arg-type]
    assert result.state == "failed" and result.failure and "mail.example" not in result.failure
    kept = b"".join(content for _, content in left_behind(tmp_path))
    assert b"mail.example" not in kept
    if isinstance(failure, KeyError | ValueError):
        assert "test_privacy.py, line" in result.failure


def test_without_a_key_what_is_personal_does_not_land_and_the_rest_does(tmp_path: Path, ledger: ledgers.Ledger) -> None:
    store = ingest.Store(landing=tmp_path / "landing", ledger=ledger, clock=lambda: NOW)
    result = ingest.ingest_stream(Stumbling(ValueError()), PEOPLE, store)  # type: ignore[arg-type]
    assert "MERIDIAN_PERSONAL_KEY is not set" in str(result.failure) and "openssl rand -hex 32" in str(result.failure)
    assert not list((tmp_path / "landing").rglob("*.jsonl.*")) and not list((tmp_path / "landing").rglob("*.part"))
