"""The README is followed to the letter: its examples work, its commands exist, its two languages say the same."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from connectors.registry import KINDS as CONNECTORS

PROJECT = Path(__file__).resolve().parent.parent
README = (PROJECT / "README.md").read_text(encoding="utf-8")
CHINESE = (PROJECT / "README.zh-CN.md").read_text(encoding="utf-8")


def blocks(text: str) -> list[tuple[str, str]]:
    """(the path named in backticks before a fenced block, or '', its content)."""
    found, position = [], 0
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL):
        if match.group(1):
            named = re.findall(r"`([\w/.]+\.(?:py|sql|yml))`", text[position:match.start()])
            found.append((named[-1] if named else "", match.group(2)))
        position = match.end()
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project as somebody has it who now follows the README."""
    for name in ("connectors", "dbt_project", "expectations", "flows"):
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("target", "logs", "__pycache__"))
    return tmp_path


def follow(copy: Path, section: str) -> None:
    """Write every file that a section shows; a block without a file of its own is a line to add to the file named last."""
    text = README.split(f"\n## {section}\n")[1].split("\n## ")[0]
    last = ""
    for path, content in blocks(text):
        last = path or last
        target = copy / last
        if target.exists():
            anchor = {"connectors/registry.py": "KINDS: Mapping[str, str] = {\n" if '"connectors.' in content else "SECRETS: Mapping[str, tuple[str, ...]] = {",
                      "dbt_project/macros/kpi_models.sql": "return([\n"}[last]
            before = target.read_text(encoding="utf-8")
            assert before.count(anchor) == 1
            target.write_text(before.replace(anchor, anchor + content), encoding="utf-8")
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, encoding="utf-8")


class Desk(BaseHTTPRequestHandler):
    """The returns desk that the README describes: two pages."""

    def do_GET(self) -> None:
        page = {"/about": {"version": "desk 3"}, "/returns?changed_since=": {"results": [{"id": 1, "changed_at": "2026-01-01T10:00:00Z", "order": "SO1", "reason": "damaged"}],
                "next": "/returns?page=2"}, "/returns?page=2": {"results": [{"id": 2, "changed_at": "2026-01-02T10:00:00+01:00", "order": "SO2", "reason": "late"}], "next": None}}
        authorised = self.headers["Authorization"] == "Bearer let-me-in"
        body = json.dumps(page[self.path] if authorised else {"error": "who are you?"}).encode()
        self.send_response(200 if authorised else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def desk() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def python(copy: Path, program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], cwd=copy, capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(copy), "DESK_TOKEN": "let-me-in", "PYTHONSAFEPATH": ""})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

KINDS = (*CONNECTORS, "online_retail", "servicenow", "supplier_deliveries")

CONFIGURATION = """
[company]
name = "Shop"
time_zone = "Europe/Berlin"
[sources.returns]
kind = "returns_desk"
url = "{url}"
token_env = "DESK_TOKEN"
"""

INGEST_AND_STAGE = """
import flows, sys
assert flows.__file__.startswith({home!r}), flows.__file__
from datetime import date
from flows import build, ingest, settings
from flows.store import ledger as ledgers, warehouse
s = settings.load("meridian.toml")
l = ledgers.open_ledger(s.ledger)
c = ingest.connect_source(s, "returns", l)
print(c.check())
store = ingest.Store(landing=s.landing, ledger=l, clock=s.clock)
for stream in c.streams():
    r = ingest.ingest_stream(c, stream, store)
    assert r.failure is None, r
    for b in r.batches:
        ledgers.judge_batch(l, source="returns", stream=stream.name, batch=b, verdict="passed")
build.prepare(s, l, as_of=date(2026, 1, 31), now=s.clock())
told = build.run_environment(s, l, as_of=date(2026, 1, 31), version="v", now=s.clock())
told["MERIDIAN_KINDS"] = {kinds!r} or told["MERIDIAN_KINDS"]
build.run_dbt(s, ["build", "--indirect-selection", "cautious", "--select", {select!r}], told=told)
with warehouse.connect(s.warehouse, read_only=True) as w:
    print(w.execute({query!r}).fetchall())
"""


def test_a_source_added_by_following_the_readme_is_read_and_staged(copy: Path, desk: str) -> None:
    follow(copy, "Adding a source")
    (copy / "meridian.toml").write_text(CONFIGURATION.format(url=desk), encoding="utf-8")
    said = python(copy, INGEST_AND_STAGE.format(
        home=str(copy), kinds="", select="stg_returns_desk__returns", query="select return_number, order_number, changed_at::varchar from staging.stg_returns_desk__returns order by 1"))
    assert "desk 3" in said
    assert "('1', 'SO1', '2026-01-01 10:00:00'), ('2', 'SO2', '2026-01-02 09:00:00')" in said


def test_a_kpi_added_by_following_the_readme_is_computed_and_catalogued(copy: Path) -> None:
    follow(copy, "Adding a KPI")
    (copy / "meridian.toml").write_text('[company]\nname = "Shop"\n', encoding="utf-8")
    program = INGEST_AND_STAGE.split("c = ingest")[0] + "build.prepare" + INGEST_AND_STAGE.split("build.prepare")[1]
    # a unit test names its inputs, those of kinds that this shop has not among them
    said = python(copy, program.format(
        home=str(copy), kinds=f",{','.join(KINDS)},", select="+kpi_catalogue +kpis", query="select kpi, title_zh from marts.kpi_catalogue where kpi = 'orders_placed'"))
    assert "('orders_placed', '下单数')" in said


def test_every_command_in_the_readme_exists_and_every_command_is_in_it() -> None:
    from typer.main import get_command

    from flows.cli import app

    command = get_command(app)
    known = set(command.commands)  # type: ignore[attr-defined]
    told = set(re.findall(r"`?meridian ([a-z]+)\b", README))
    assert told <= known | {"source"}, told - known
    assert known <= told, known - told
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert set(re.findall(r"(?:^    |`)make ([a-z-]+)", README, flags=re.MULTILINE)) <= targets


def test_both_readmes_have_the_same_sections_examples_and_commands() -> None:
    def shape(text: str) -> list[str]:
        return ["#" * len(level) for level in re.findall(r"^(#+) ", re.sub(r"```.*?```", "", text, flags=re.DOTALL), flags=re.MULTILINE)]

    assert shape(README) == shape(CHINESE)
    assert [content for _, content in blocks(README)] == [content for _, content in blocks(CHINESE)]
    for command in set(re.findall(r"(?:^    |`)((?:meridian|make) [a-z-]+)", README, flags=re.MULTILINE)):
        assert command in CHINESE, command
