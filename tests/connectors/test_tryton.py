"""The connector against a real Tryton 8.2. What is true is read from its database file, past its API."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from connectors import tryton
from connectors.personal import Policy, guard
from connectors.stream import Misconfigured, PageLoop, Refused, Stream, UnexpectedShape, Unreachable, Window, landed_key
from connectors.tryton import Tryton, TrytonOptions, connect, stream_of, unwrap
from connectors.tryton_models import LOGGED as LOGGED_MODELS
from connectors.tryton_models import MODELS, Model
from sandbox.tryton import server
from sandbox.tryton.__main__ import night_after
from tests.connectors.conformance.standing import Standing, proved
from tests.connectors.conformance.suite import judged
from tests.sandbox.tryton.box import EVER, Box, copy_of, opened, small_company

STREAM: Mapping[str, Stream] = {name: stream_of(name, model) for name, model in MODELS.items()}

# What a stream holds, in SQL: the table, and the condition where a stream does not take the whole of it.
LOGGED = " OR ".join(f"resource LIKE '{name},%'" for name in LOGGED_MODELS)
ONLY = {
    "sale_line": "type = 'line'",
    "purchase_line": "type = 'line'",
    "account_invoice_line": "type = 'line'",
    "stock_move": "origin LIKE 'sale.line,%' OR origin LIKE 'purchase.line,%'",
    "ir_model_log": f"({LOGGED}) AND (event IN ('write', 'delete') OR target LIKE 'state:%' OR event = 'button' AND resource LIKE 'sale.opportunity,%')",
}


def sql(box: Box, query: str, *values: Any) -> list[Any]:
    """Straight from, or into, the database file."""
    with sqlite3.connect(box.home.database, timeout=30) as connection:
        rows = connection.execute(query, values).fetchall()
    connection.close()
    return rows


def true_ids(box: Box, stream: str, where: str = "1") -> list[int]:
    table = MODELS[stream].name.replace(".", "_")
    return [row[0] for row in sql(box, f"SELECT id FROM {table} WHERE ({ONLY.get(stream, '1')}) AND ({where}) ORDER BY id")]


def ids(connector: Tryton, stream: str, window: Window = EVER, resume: Any = None) -> list[int]:
    return [record["id"] for page in connector.read(STREAM[stream], window, resume) for record in page.records]


@pytest.fixture(scope="module")
def box() -> Box:
    """Nobody changes this one."""
    return small_company()


@pytest.fixture(scope="module")
def changing(box: Box) -> Box:
    """A company of its own, for tests that write."""
    return opened(copy_of(box), box.plan)


@pytest.fixture
def connector(box: Box) -> Iterator[Tryton]:
    one = box.connector()
    yield one
    one.close()


# ---- the whole of it


@pytest.mark.parametrize("stream", list(MODELS))
def test_a_first_read_is_complete_and_in_order(box: Box, connector: Tryton, stream: str) -> None:
    assert ids(connector, stream) == true_ids(box, stream)


def test_killed_at_every_page_and_over_a_bad_line_everything_lands_once(box: Box, tmp_path: Path) -> None:
    def open_at(url: str) -> Tryton:
        return box.connector(url=url, page_size=900)

    subject = Standing(kind="tryton", url=box.facts["url"], open=open_at, keys=lambda stream: list(map(str, true_ids(box, stream))), clock=night_after(box.plan))
    verdicts = proved(subject, tmp_path, mortal=("party_address", "sale_opportunity", "stock_move", "company_employee"))
    print(*verdicts, sep="\n")
    judged(verdicts)
    assert sum(verdict.landed for verdict in verdicts) > 5_000


def test_pages_of_any_size_hold_the_same_records(box: Box) -> None:
    there = true_ids(box, "sale_sale")
    for size in (97, len(there), len(there) + 1):
        connector = box.connector(page_size=size)
        pages = list(connector.read(STREAM["sale_sale"], EVER))
        assert [record["id"] for page in pages for record in page.records] == there
        assert all(len(page.records) <= size for page in pages)


def test_a_read_killed_after_any_page_goes_on_from_there(box: Box) -> None:
    connector = box.connector(page_size=250)
    pages = list(connector.read(STREAM["stock_shipment_out"], EVER))
    assert len(pages) > 5
    for number, page in enumerate(pages):
        if page.position is not None:
            before = [record["id"] for one in pages[: number + 1] for record in one.records]
            assert before + ids(connector, "stock_shipment_out", resume=page.position) == true_ids(box, "stock_shipment_out")


def test_records_carry_every_field_that_is_asked_for(connector: Tryton) -> None:
    for name, model in MODELS.items():
        for page in connector.read(STREAM[name], EVER):
            for record in page.records[:1]:
                asked = {"id", "create_date", "write_date", *(field.split(".")[0] for field in model.fields.split())}
                assert asked <= record.keys(), name
                assert landed_key(STREAM[name], record) == str(record["id"])
            break


def test_no_customer_is_left_in_what_would_land_and_firms_keep_their_names(connector: Tryton, box: Box) -> None:
    policy = Policy(key="of these tests, and of nobody else", own_domains=frozenset({"lantern-oak.example"}))
    told, raw = "", ""
    for name in ("company_company", "company_employee", "party_party", "party_address", "party_contact_mechanism", "purchase_product_supplier", "sale_complaint"):
        guarded = guard("erp", STREAM[name], policy)
        for page in connector.read(STREAM[name], EVER):
            raw += "".join(f"{dict(record)}\n" for record in page.records)
            told += "".join(f"{dict(guarded.record(record))}\n" for record in page.records)
    personal = {text for customer in box.plan.customers if not customer.is_company for text in (customer.email, customer.name)}
    personal -= {agent.name for agent in box.plan.agents}                     # namesakes
    assert len({text for text in personal if text in raw}) > 100
    assert not {text for text in personal if text in told}
    for kept in (box.plan.company, box.plan.suppliers[0].name, box.plan.agents[0].email, *{complaint.ticket for complaint in box.plan.complaints if complaint.ticket}):
        assert kept in told, kept


def test_archived_records_are_read_like_all_others(box: Box, connector: Tryton) -> None:
    archived = true_ids(box, "stock_location", "active = 0")
    assert archived and set(archived) <= set(ids(connector, "stock_location"))
    left = {agent.email for agent in box.plan.agents if agent.left_on}
    assert left and len(ids(connector, "company_employee")) == len(box.plan.agents)


# ---- windows


def test_windows_side_by_side_hold_what_was_created_or_written_in_them(box: Box, connector: Tryton) -> None:
    start, step = datetime(2026, 5, 1, tzinfo=UTC), timedelta(days=31)
    for _ in range(3):
        window = Window(start=start, end=start + step)
        inside = " OR ".join(
            f"{stamp} >= '{start:%Y-%m-%d %H:%M:%S}' AND {stamp} < '{start + step:%Y-%m-%d %H:%M:%S}'" for stamp in ("create_date", "write_date")
        )
        for stream in ("sale_sale", "stock_shipment_out", "sale_opportunity", "party_party", "ir_model_log"):
            there = true_ids(box, stream, inside)
            assert there and ids(connector, stream, window) == there, stream
        start += step


def test_a_record_never_updated_has_no_write_date_and_is_found_by_its_creation(box: Box, connector: Tryton) -> None:
    ((number, created),) = sql(
        box, "SELECT id, create_date FROM party_party WHERE write_date IS NULL AND create_date > '2025-06-01' ORDER BY create_date LIMIT 1"
    )
    at = datetime.fromisoformat(created).replace(tzinfo=UTC)
    assert number in ids(connector, "party_party", Window(start=at, end=at + timedelta(seconds=1)))


def test_ties_at_the_border_are_all_in_or_all_out(box: Box, connector: Tryton) -> None:
    """All rates of the first load carry one and the same instant, and so does one page after the other."""
    ((text, many),) = sql(box, "SELECT create_date, count(*) AS many FROM currency_currency_rate GROUP BY 1 ORDER BY many DESC LIMIT 1")
    at = datetime.fromisoformat(text).replace(tzinfo=UTC)
    small = box.connector(page_size=500)
    assert many > 1000
    assert len(ids(small, "currency_rate", Window(start=at, end=at + timedelta(microseconds=1)))) == many
    assert ids(connector, "currency_rate", Window(start=at - timedelta(days=1), end=at)) == []


def test_a_window_may_be_given_in_any_time_zone(box: Box, connector: Tryton) -> None:
    from zoneinfo import ZoneInfo

    start, end = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 3, tzinfo=UTC)
    berlin = ZoneInfo("Europe/Berlin")
    assert ids(connector, "sale_sale", Window(start=start.astimezone(berlin), end=end.astimezone(berlin))) == ids(
        connector, "sale_sale", Window(start=start, end=end)
    )


def test_a_small_reference_stream_is_whole_in_every_window(box: Box, connector: Tryton) -> None:
    nothing_new = Window(start=datetime(2090, 1, 1, tzinfo=UTC), end=datetime(2090, 1, 2, tzinfo=UTC))
    assert ids(connector, "carrier", nothing_new) == true_ids(box, "carrier")
    assert STREAM["carrier"].cursor is None and STREAM["carrier"].deletes == "full"


def test_the_cursor_leaves_room_for_transactions_that_are_still_open() -> None:
    cursor = STREAM["sale_sale"].cursor
    assert cursor is not None and cursor.ties and cursor.lag >= timedelta(minutes=5) and cursor.overlap >= cursor.lag


# ---- a source that moves while it is read


def test_changes_between_pages_neither_lose_nor_repeat_a_record(changing: Box) -> None:
    """The first page's records are written, one is deleted, a new one appears: what was there and stays is read exactly once."""
    connector = changing.connector(page_size=300)
    there = true_ids(changing, "party_address")
    last = there[-1]
    read: list[int] = []
    for number, page in enumerate(connector.read(STREAM["party_address"], Window(start=None, end=datetime(2026, 11, 1, 2, tzinfo=UTC)))):
        read += [record["id"] for record in page.records]
        if number == 0:
            sql(changing, "UPDATE party_address SET write_date = '2026-11-01 02:45:00', city = 'Elsewhere' WHERE id <= ?", there[50])
            sql(
                changing,
                "INSERT INTO party_address (party, active, sequence, create_date, delivery, invoice) SELECT party, 1, 9, '2026-11-01 02:45:00', 0, 0 FROM party_address WHERE id = ?",
                last,
            )
            sql(changing, "DELETE FROM party_address WHERE id = ?", there[5])
    assert read == there
    written_again = Window(start=datetime(2026, 11, 1, 2, tzinfo=UTC), end=datetime(2026, 11, 1, 3, tzinfo=UTC))
    assert ids(connector, "party_address", written_again) == [*(number for number in there[:51] if number != there[5]), last + 1]


def test_a_sweep_lists_what_exists_and_so_shows_what_is_gone(changing: Box) -> None:
    connector = changing.connector(page_size=100)
    before = set(connector.keys(STREAM["sale_complaint_action"]))
    assert before == {str(number) for number in true_ids(changing, "sale_complaint_action")}
    gone = true_ids(changing, "sale_complaint_action")[0]
    sql(changing, "DELETE FROM sale_complaint_action WHERE id = ?", gone)
    assert before - set(connector.keys(STREAM["sale_complaint_action"])) == {str(gone)}


def test_every_stream_that_people_delete_from_is_swept(connector: Tryton, box: Box) -> None:
    assert {name for name, stream in STREAM.items() if stream.deletes == "never"} == {"ir_model_log"}
    swept = [name for name, stream in STREAM.items() if stream.deletes == "sweep"]
    for name in swept:
        assert list(connector.keys(STREAM[name])) == [str(number) for number in true_ids(box, name)], name


# ---- what goes wrong


def test_a_wrong_key_is_refused_and_not_told(box: Box) -> None:
    wrong = "wrong-key-wrong-key"
    connector = connect("erp", {"url": box.facts["url"], "database": "company"}, secrets={"key": wrong})
    with pytest.raises(Refused) as caught:
        connector.check()
    assert wrong not in str(caught.value) and "erp" in str(caught.value)


def test_an_expired_key_is_refused(changing: Box) -> None:
    connector = changing.connector()
    connector.check()
    sql(changing, "UPDATE res_user_application SET state = 'cancelled'")
    try:
        with pytest.raises(Refused):
            ids(connector, "sale_sale")
    finally:
        sql(changing, "UPDATE res_user_application SET state = 'validated'")
    assert ids(connector, "carrier")


def test_a_server_that_dies_between_two_pages_is_unreachable_and_the_read_goes_on_when_it_is_back(changing: Box) -> None:
    connector = changing.connector(page_size=500)
    reading = connector.read(STREAM["sale_sale"], EVER)
    first = next(reading)
    server.stop(changing.home)
    try:
        with pytest.raises(Unreachable):
            next(reading)
    finally:
        back = opened(changing.home, changing.plan)
    assert back.facts["url"] == changing.facts["url"], "the port of last time is taken again"
    assert [record["id"] for record in first.records] + ids(back.connector(), "sale_sale", resume=first.position) == true_ids(changing, "sale_sale")


def test_check_says_where_we_are(connector: Tryton, box: Box) -> None:
    said = connector.check()
    assert "company" in said and box.facts["url"] in said and box.key not in said
    assert connector.requests_made("") <= 2


def test_check_names_the_streams_whose_module_is_not_there(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tryton, "MODELS", {**MODELS, "sale_subscription": Model(name="sale.subscription", fields="number")})
    with pytest.raises(Misconfigured, match="sale_subscription"):
        box.connector().check()
    box.connector(without=["sale_subscription"]).check()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"database": "company"}, "'url' is missing"),
        ({"url": "https://erp.example.org"}, "'database' is missing"),
        ({"url": "erp.example.org", "database": "company"}, "no web address"),
        ({"url": "https://erp.example.org", "database": "company", "page_size": 0}, "page_size is 0"),
        ({"url": "https://erp.example.org", "database": "company", "page_size": True}, "page_size is True"),
        ({"url": "https://erp.example.org", "database": "company", "company": "one"}, "company is 'one'"),
        ({"url": "https://erp.example.org", "database": "company", "without": ["sales"]}, "without is"),
        ({"url": "https://erp.example.org", "database": "company", "pagesize": 10}, "no option 'pagesize'"),
    ],
)
def test_options_that_cannot_work_are_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(Misconfigured, match=said) as caught:
        TrytonOptions.parse("erp", options)
    assert caught.value.mend


def test_a_missing_key_is_said_before_anything_is_asked() -> None:
    with pytest.raises(Misconfigured, match="no API key"):
        connect("erp", {"url": "https://erp.example.org", "database": "company"}, secrets={})


class Canned:
    """A Rest that answers what it is given, page after page."""

    def __init__(self, *pages: Any) -> None:
        self.pages = list(pages)

    def request(self, *_: Any, **__: Any) -> Any:
        return SimpleNamespace(json=self.pages.pop(0))


def canned(*pages: Any) -> Tryton:
    return Tryton("erp", TrytonOptions(url="https://erp.example.org", database="company", company=1, page_size=2), Canned(*pages))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "page",
    [
        {"error": "no list"},
        ["no record"],
        [{"name": "without an id"}],
        [{"id": 2}, {"id": 1}],
        [{"id": 1}, {"id": 1}],
    ],
)
def test_a_page_of_another_shape_or_order_is_an_error(page: Any) -> None:
    with pytest.raises(UnexpectedShape):
        ids(canned(page), "carrier")


def test_the_same_page_again_is_an_error_and_not_an_endless_loop() -> None:
    again = [{"id": 1}, {"id": 2}]
    with pytest.raises((UnexpectedShape, PageLoop)):
        ids(canned(again, again, again), "carrier")


def test_a_position_that_is_none_of_ours_is_refused() -> None:
    with pytest.raises(UnexpectedShape, match="cannot go on"):
        ids(canned([]), "carrier", resume={"page": 3})


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"__class__": "Decimal", "decimal": "12.50"}, "12.50"),
        ({"__class__": "datetime", "year": 2026, "month": 5, "day": 1, "hour": 9, "minute": 3, "second": 0, "microsecond": 45}, "2026-05-01T09:03:00.000045Z"),
        ({"__class__": "date", "year": 2026, "month": 5, "day": 1}, "2026-05-01"),
        ({"__class__": "time", "hour": 9, "minute": 3, "second": 0, "microsecond": 0}, "09:03:00.000000"),
        ({"__class__": "timedelta", "seconds": 86400.0}, 86400.0),
        ({"__class__": "bytes", "base64": "QUJD\n"}, "QUJD"),
        ({"__class__": "something new", "x": 1}, {"__class__": "something new", "x": 1}),
        ([{"price": {"__class__": "Decimal", "decimal": "1"}}], [{"price": "1"}]),
        (None, None),
    ],
)
def test_wrappers_are_opened_and_nothing_else_is_touched(sent: Any, read: Any) -> None:
    assert unwrap(sent) == read
