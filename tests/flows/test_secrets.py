"""Secrets are planted in every place that takes one, everything fails that can, and then they are looked for in all that a night leaves behind."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import duckdb

from flows.store.packing import lines_of
from tests.flows.conftest import Company
from tests.prefect_api import PREFECT

SECRETS = {name: f"Pl4nted-{name.lower().replace('_', '-')}-/+{number}9f3c7e1b5d8a2460"
           for number, name in enumerate(("DESK_TOKEN", "CHAT_SECRET", "CHAT_TOKEN", "SWITCH_TOKEN", "MERIDIAN_LINK_KEY", "METRICS_TOKEN", "MERIDIAN_PARTNER_PASSWORD",
                                          "MERIDIAN_PARTNER_USER", "MARTS_PASSWORD"))}
CONFIGURATION = """
[sources.desk]
kind = "zendesk"
url = "{url}"
email = "reader@example.com"
token_env = "DESK_TOKEN"

[channels.chat]
kind = "feishu"
url_env = "CHAT_URL"
secret_env = "CHAT_SECRET"

[watch]
url_env = "SWITCH_URL"

[serve]
metrics_token_env = "METRICS_TOKEN"

[publish.postgres]
url_env = "MARTS_URL"
patience_seconds = 0

[automations.targets.partner]
kind = "portal"
url = "{url}"
evidence = "evidence"
"""


@contextmanager
def talkative() -> Iterator[str]:
    """A system that refuses everything and repeats what it was asked with: path, headers and body."""
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
            said = json.dumps({"error": f"refused: {self.path}", "headers": dict(self.headers), "body": body, "code": 19024, "msg": f"bad token {self.path}"}).encode()
            self.send_response(401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_HEAD = do_PUT = answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def forms(secret: str) -> set[str]:
    """As it was planted, in an address, and in the header that it is sent in."""
    return {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("="),
            base64.b64encode(f"reader@example.com/token:{secret}".encode()).decode()}


def written(company: Company) -> Iterator[tuple[str, str]]:
    """(where, text) of every file that is not the configuration's own, packed ones unpacked, tables as text."""
    for path in sorted(company.folder.rglob("*")):
        if not path.is_file() or path.name == ".env":
            continue
        where = str(path.relative_to(company.folder))
        yield where, path.read_bytes().decode("latin-1")
        if path.name.endswith((".jsonl.zst", ".jsonl.gz")):
            yield where, b"\n".join(lines_of(path)).decode(errors="replace")
        elif path.suffix == ".parquet":
            yield where, str(duckdb.connect().execute("select * from read_parquet(?)", [str(path)]).fetchall())


def told(api: str) -> Iterator[tuple[str, str]]:
    """What the Prefect server has of logs, artifacts and runs."""
    for what, sort in (("logs", "TIMESTAMP_DESC"), ("artifacts", "CREATED_DESC"), ("flow_runs", "START_TIME_DESC"), ("task_runs", "EXPECTED_START_TIME_DESC")):
        found = PREFECT.post(f"{api}/{what}/filter", json={"sort": sort, "limit": 200}, timeout=30)
        assert found.status_code == 200 and found.json(), what
        yield f"Prefect's {what}", found.text


def test_no_secret_is_in_anything_that_a_night_and_a_look_leave_behind(lived_company: Company) -> None:
    company = lived_company
    with talkative() as url:
        with company.config.open("a", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(url=url))
        host = url.removeprefix("http://")
        lines = {**SECRETS, "CHAT_URL": f"{url}/hook/{SECRETS['CHAT_TOKEN']}", "SWITCH_URL": f"{url}/ping/{SECRETS['SWITCH_TOKEN']}",
                 "MARTS_URL": f"postgresql://publisher:{quote(SECRETS['MARTS_PASSWORD'], safe='')}@{host}/bi"}
        with (company.folder / ".env").open("a", encoding="utf-8") as file:
            file.write("".join(f"{name}={value}\n" for name, value in lines.items()))
        said = {" ".join(arguments): company.run(*arguments) for arguments in (
            ("nightly",), ("doctor",), ("status",), ("checks",), ("channels", "test", "chat"), ("channels", "deliver"), ("source", "check"), ("alerts", "check"),
            ("automations", "check"), ("prune", "--dry-run"), ("backup", str(company.folder / "backup.tar.zst")))}
    assert "desk: " in said["nightly"].stdout + said["nightly"].stderr, "the talkative system was asked"
    found = [(where, name) for where, text in [*((command, done.stdout + done.stderr) for command, done in said.items()), *written(company), *told(company.api)]
             for name, secret in SECRETS.items() for form in forms(secret) if form in text]
    assert found == []
    assert {name for name, secret in SECRETS.items() if secret in (company.folder / ".env").read_text()} == set(SECRETS), "they were there to be found"
    assert Path(company.folder / "backup.tar.zst").exists()
