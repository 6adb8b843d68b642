"""Whatever comes from outside – configuration, rules, dropped files, answers of systems, clicks, backups – ends in an error of ours that names it, or is read."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import registry
from connectors.rest import Answer, Rest
from connectors.stream import SourceError, Window
from flows import automations
from flows.alerting import endpoint, links, rules
from flows.alerting.options import Alerts
from flows.automation import playbooks
from flows.automation.options import Automations
from flows.reading import read_pages
from flows.settings import ConfigurationError, parse, read_env_file
from flows.store import backup
from flows.store import ledger as ledgers

FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
SECTIONS = ("company", "state", "night", "publish", "publish.postgres", "alerts", "alerts.people.x", "alerts.rules.x", "automations", "automations.targets.x",
            "automations.playbooks.x", "automations.approvers.x", "reports", "calendars.x", "sources.x", "sources.x.personal", "channels.x", "serve", "watch",
            "retention", "lineage", "nonsense")
KEYS = ("name", "time_zone", "currency", "languages", "domains", "home", "ledger", "schedule", "threads", "memory", "published_by", "keep_days", "url_env",
        "folder", "off", "channels", "holidays", "mon", "kind", "personal", "read_from", "streams", "url", "fallback", "language", "port", "late_to",
        "versions_days", "targets", "playbooks", "above", "x", '"a.b"')
scalars = st.one_of(st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=20), st.none())
documents = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=12)


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {toml(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, float):
        return str(value).replace("inf", "inf") if value == value else "nan"
    return {None: "1979-05-27", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else json.dumps(value)


known_words = st.sampled_from(["zendesk", "files", "feishu", "email", "06:00", "tryton", "mail", "hash", "en"])
lines = st.one_of(
    st.sampled_from(SECTIONS).map(lambda name: f"[{name}]"), st.sampled_from(SECTIONS).map(lambda name: f"[[{name}]]"),
    st.tuples(st.sampled_from(KEYS), documents | known_words).map(lambda pair: f"{pair[0]} = {toml(pair[1])}"), st.text(max_size=30))


@FEW
@given(st.lists(lines, max_size=8).map("\n".join), st.booleans(), st.sampled_from(SECTIONS), documents)
def test_a_configuration_is_read_or_refused_with_its_file_and_line(text: str, is_valid_above: bool, section: str, instead: Any) -> None:
    beginning = f"{section.split('.')[0]} = {toml(instead)}\n" if section not in ("company",) else ""
    for written in (text, beginning + '[company]\nname = "Shop"\n' + (text if is_valid_above else "")):
        try:
            parse(written, Path("meridian.toml"))
        except ConfigurationError as error:
            assert "meridian.toml" in str(error)


@FEW
@given(st.binary(max_size=200))
def test_an_environment_file_is_read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / ".env"
        file.touch(mode=0o600)
        file.write_bytes(content)
        try:
            read_env_file(file)
        except ConfigurationError as error:
            assert str(file) in str(error)


def one_changed(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("*.yml")):
        yield yaml.safe_load(file.read_text(encoding="utf-8"))


def load_rules(folder: Path) -> tuple[str, ...]:
    known = rules.Known(kpis={"late_rate"}, channels={"mail"})
    return rules.load([folder], Alerts(), known).problems


def load_playbooks(folder: Path) -> tuple[str, ...]:
    known = playbooks.Known(worklists={"late_lines": ["line"]}, rules=(), kpis=("late_rate",), actions=automations.ACTIONS, kinds=automations.KINDS)
    return playbooks.load([folder], Automations(), known).problems


@FEW
@given(st.data(), st.sampled_from([(rules.SHIPPED, load_rules), (playbooks.SHIPPED, load_playbooks)]))
def test_a_rule_or_playbook_is_read_or_named_with_what_is_wrong(data: st.DataObject, kind: tuple[Path, Callable[[Path], tuple[str, ...]]]) -> None:
    shipped, load = kind
    content: Any = data.draw(st.sampled_from(list(one_changed(shipped))))
    how = data.draw(st.sampled_from(["key", "bytes", "document", "text"]))
    if how == "key":
        content = {**content, data.draw(st.sampled_from(sorted(content))): data.draw(documents)}
    written = {"bytes": lambda: data.draw(st.binary(max_size=80)), "document": lambda: yaml.safe_dump(data.draw(documents)).encode("utf-8", "surrogatepass"),
               "text": lambda: data.draw(st.text(alphabet=st.characters(codec="utf-8"), max_size=60)).encode()}.get(how, lambda: yaml.safe_dump(content).encode())()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "thing.yml").write_bytes(written)
        problems = load(Path(folder))
        assert all("thing.yml" in problem or "thing" in problem for problem in problems) and (problems or how != "bytes" or not written.strip())


GOOD_CSV = b"id,day,amount\n1,2026-03-01,3.5\n2,2026-03-02,4\n"
mutations = st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=6)), min_size=1, max_size=4)


def workbook() -> bytes:
    from openpyxl import Workbook

    out, book = io.BytesIO(), Workbook()
    book.active.append(["id", "day"])
    book.active.append([1, "2026-03-01"])
    book.save(out)
    return out.getvalue()


def parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2], "day": ["2026-03-01", "2026-03-02"]}), out)
    return out.getvalue()


WHOLE = {"csv": GOOD_CSV, "jsonl": b'{"id": 1, "day": "2026-03-01"}\n{"id": 2}\n', "xlsx": workbook(), "parquet": parquet()}


@FEW
@given(st.sampled_from(sorted(WHOLE)), mutations, st.none() | st.binary(max_size=300))
def test_a_dropped_file_is_read_or_set_aside(kind: str, changes: list[tuple[int, bytes]], instead: bytes | None) -> None:
    content = bytearray(WHOLE[kind] if instead is None else instead)
    for at, put in changes if instead is None else ():
        content[at:at + len(put)] = put
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "drop").mkdir()
        (home / "drop" / f"x.{kind}").write_bytes(bytes(content))
        source = registry.connect("drop", "files", {"folder": "drop", "streams": {"x": {"pattern": f"x*.{kind}", "key": ["id"]}}}, secrets={}, home=home, base=home,
                                  clock=lambda: datetime(2026, 3, 2, tzinfo=UTC))
        for stream in source.streams():
            try:
                for page in read_pages(source, stream, Window(start=None, end=datetime(2026, 3, 2, tzinfo=UTC))):
                    assert all(isinstance(record, dict) for record in page.records)
            except SourceError as error:
                assert "drop" in str(error)


URL = {"url": "https://system.example.com"}
SYSTEMS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "zendesk": ({**URL, "email": "a@example.com"}, {"token": "t"}), "freshdesk": (URL, {"api_key": "t"}), "hubspot": ({}, {"token": "t"}),
    "request_tracker": (URL, {"token": "t"}), "tryton": ({**URL, "database": "db"}, {"key": "t"}),
    "erpnext": ({**URL, "time_zone": "UTC"}, {"key": "k", "secret": "s"}), "odoo": ({**URL, "database": "db", "login": "a@example.com"}, {"key": "t"}),
    "shopify": (URL, {"token": "t"}), "salesforce": ({**URL, "client_id": "c"}, {"client_secret": "s", "refresh_token": "r"}),
}
names = st.sampled_from([
    "results", "data", "tickets", "next_page", "after_cursor", "end_of_stream", "end_time", "paging", "next", "after", "items", "id", "updated_at", "updatedAt",
    "properties", "records", "nextRecordsUrl", "done", "totalSize", "message", "result", "error", "nodes", "pageInfo", "hasNextPage", "endCursor", "access_token",
    "instance_url", "count", "total", "page", "pages", "LastUpdated", "write_date", "modified", "name", "fields"])
answers = st.recursive(scalars | st.sampled_from(["2026-03-01T00:00:00Z", "1", ""]), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
                       max_leaves=15)


@pytest.mark.parametrize("kind", sorted(SYSTEMS))
def test_an_answer_of_a_system_is_read_or_said_not_to_be_one(kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given_answers: list[Any] = []

    def request(rest: Rest, method: str, path: str, **options: Any) -> Answer:
        body = given_answers[min(len(asked), len(given_answers) - 1)]
        asked.append(path)
        if len(asked) > 12:
            raise SourceError("enough", source=rest.source)
        return Answer(status=200, headers={}, url=f"{rest.base_url}/", json=body, text=json.dumps(body))

    asked: list[str] = []
    monkeypatch.setattr(Rest, "request", request)
    options, secrets = SYSTEMS[kind]

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(answers, min_size=1, max_size=3))
    def run(bodies: list[Any]) -> None:
        given_answers[:] = bodies
        now = datetime(2026, 3, 2, tzinfo=UTC)
        try:
            asked.clear()
            source = registry.connect("it", kind, options, secrets=secrets, home=tmp_path, base=tmp_path, clock=lambda: now, sleep=lambda seconds: None)
            streams = source.streams()
        except SourceError:
            return
        for stream in list(streams)[:6]:
            for window in (Window(start=None, end=now), Window(start=now - timedelta(days=1), end=now)):
                asked.clear()
                try:
                    for number, _ in enumerate(read_pages(source, stream, window)):
                        if number == 3:
                            break
                except SourceError as error:
                    assert "it" in str(error)

    run()


@cache
def one_ledger() -> ledgers.Ledger:
    return ledgers.open_ledger(str(Path(tempfile.mkdtemp()) / "ledger.sqlite"))


@FEW
@given(st.text(max_size=80), st.binary(max_size=200), st.sampled_from(["GET", "POST", "HEAD", "PUT", "OPTIONS", "DELETE"]),
       st.lists(st.tuples(st.sampled_from([b"accept-language", b"x-forwarded-for", b"authorization", b"content-type", b"host"]), st.binary(max_size=40)), max_size=4),
       st.booleans())
def test_a_request_is_answered_with_a_plain_page_and_never_with_what_went_wrong(
    path: str, body: bytes, method: str, headers: list[tuple[bytes, bytes]], is_link: bool,
) -> None:
    machines = endpoint.Machines(token="m" * 32)
    app = endpoint.make_app(one_ledger(), {}, "5eed" * 16, clock=lambda: datetime(2026, 3, 2, tzinfo=UTC), monotonic=lambda: 0.0, behind_proxy=True, machines=machines)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": f"/a/{path}" if is_link else f"/{path}", "headers": headers, "query_string": b"", "client": ("127.0.0.1", 1),
             "server": ("127.0.0.1", 1), "scheme": "http", "root_path": "", "http_version": "1.1"}
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] in (200, 403, 404, 405, 410, 413, 429) and b"Traceback" not in b"".join(message.get("body", b"") for message in sent)


@FEW
@given(st.text(max_size=300))
def test_a_token_that_we_did_not_write_is_forged(text: str) -> None:
    with pytest.raises(links.Forged):
        links.read(text, "5eed" * 16)


@FEW
@given(st.one_of(st.binary(max_size=200), documents.map(lambda told: json.dumps(told).encode())), documents, st.booleans())
def test_a_backup_is_whole_or_refused(manifest: bytes, row: Any, is_packed: bool) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w|") as archive:
        for name, text in (("manifest.json", manifest), ("ledger.jsonl", json.dumps(row).encode())):
            about = tarfile.TarInfo(name)
            about.size = len(text)
            archive.addfile(about, io.BytesIO(text))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "backup.tar.zst"
        file.write_bytes(zstandard.compress(out.getvalue()) if is_packed else manifest)
        with pytest.raises(backup.BackupError):
            backup.restore(Path(folder) / "home", ledgers.open_ledger(str(Path(folder) / "ledger.sqlite")), file)
