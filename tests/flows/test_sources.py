"""`meridian source`: adds, checks and samples what is configured, and shows a secret to nobody."""

from __future__ import annotations

import re
import stat
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from flows import doctor, sources
from flows.cli import app
from flows.settings import load, read_env_file
from sandbox.zendesk import load as loading
from tests.sandbox.zendesk.desk import TOKEN, Running, helpdesk, many

BEFORE = """\
# ours
[company]
name = "Shop"   # the shop

[night]
clock_file = "clock"
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Running]:
    with helpdesk(tmp_path / "desk", many(6)) as running:
        yield running


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "shop" / "meridian.toml"
    path.parent.mkdir()
    path.write_text(BEFORE, encoding="utf-8")
    (path.parent / "clock").write_text(f"2026-11-01T02:30:00+00:00 {datetime.now(UTC).isoformat()}\n")
    return path


def meridian(config: Path, *arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(app, [*arguments, "--config", str(config)], input=stdin)


def add(config: Path, desk: Running, *more: str, stdin: str = TOKEN + "\n") -> Result:
    return meridian(config, "source", "add", "zendesk", "--name", "helpdesk", "--set", f"url={desk.url}", "--set", f"email={loading.ADMIN_EMAIL}",
                    "--secret-stdin", *more, stdin=stdin)


def test_a_source_is_added_by_flags_alone_and_tested(config: Path, desk: Running) -> None:
    done = add(config, desk)
    assert done.exit_code == 0, done.output
    assert "as meridian@" in done.output or loading.ADMIN_EMAIL in done.output
    assert "11 streams: tickets" in done.output
    text = config.read_text(encoding="utf-8")
    assert text.startswith(BEFORE), "what stood there stays as it was, comments too"
    assert tomllib.loads(text)["sources"]["helpdesk"] == {"kind": "zendesk", "url": desk.url, "email": loading.ADMIN_EMAIL, "token_env": "HELPDESK_TOKEN"}
    assert "# exports_per_minute = 10" in text and "# email: of the administrator" in text.replace("url: https://<subdomain>.zendesk.com. ", "")
    env = config.parent / ".env"
    made = read_env_file(env)
    assert made["HELPDESK_TOKEN"] == TOKEN and len(made["MERIDIAN_PERSONAL_KEY"]) == 64 and len(made) == 2 and stat.S_IMODE(env.stat().st_mode) == 0o600
    assert TOKEN not in done.output and TOKEN not in text


def test_a_name_that_exists_is_refused_and_nothing_changes(config: Path, desk: Running) -> None:
    add(config, desk)
    before = (config.read_text(), (config.parent / ".env").read_text())
    done = add(config, desk, stdin="another\n")
    assert done.exit_code == 2 and "has a source 'helpdesk' already" in done.output
    assert before == (config.read_text(), (config.parent / ".env").read_text())


@pytest.mark.parametrize(("arguments", "stdin", "said"), [
    (["zendeks"], "", "'zendeks' is no kind of source; did you mean 'zendesk'?"),
    (["zendesk", "--set", "email=a@b.c"], "", "needs url: --set url=..."),
    (["zendesk", "--set", "url=https://x.example", "--set", "email=a@b.c", "--set", "page_sise=3", "--secret-stdin"], "t0ken\n", "did you mean 'page_size'?"),
    (["zendesk", "--set", "url=https://x.example", "--set", "email=a@b.c"], "", "no API token is set"),
    (["zendesk", "--set", "url=http://x.example", "--set", "email=a@b.c", "--secret-stdin"], "t0ken\n", "plain http would show the credentials"),
    (["zendesk", "--set", "url=https://x.example", "--set", "email=a@b.c", "--secret-stdin"], "'t0ken\n", "cannot hold this secret"),
    (["zendesk", "--set", "url"], "", "write <name>=<value>"),
    (["zendesk", "--env", "key=X"], "", "zendesk has the secrets token"),
    (["zendesk", "--name", "Help desk", "--set", "url=https://x.example", "--set", "email=a@b.c", "--env", "token=T"], "", "small letters"),
    (["sql", "--secret-stdin"], "postgresql://a:t0ken@h/d\n", "--set 'streams.<stream>={...}'"),
    (["sql", "--secret-stdin", "--set", 'streams.orders={table="orders"}'], "postgresql://a:t0ken@h/d\n", "no key is named"),
])
def test_what_cannot_work_is_said_and_nothing_is_written(config: Path, arguments: list[str], stdin: str, said: str) -> None:
    done = meridian(config, "source", "add", *arguments, stdin=stdin)
    assert done.exit_code == 2 and said in done.output, done.output
    assert config.read_text() == BEFORE and not (config.parent / ".env").exists()
    assert not list(config.parent.glob("*.new")) and not list(config.parent.glob(".env*"))
    assert "t0ken" not in done.output


def test_a_refused_credential_is_written_and_said_in_the_vendors_words(config: Path, desk: Running) -> None:
    done = add(config, desk, stdin="wr0ng\n")
    assert done.exit_code == 1 and "Couldn't authenticate you" in done.output and "renew the credential" in done.output
    assert "wr0ng" not in done.output
    env = config.parent / ".env"
    env.write_text(env.read_text().replace("wr0ng", TOKEN))
    assert meridian(config, "source", "check", "helpdesk").exit_code == 0
    env.write_text(f"HELPDESK_TOKEN={TOKEN}\n")
    done = meridian(config, "source", "check", "helpdesk")
    assert done.exit_code == 1 and "MERIDIAN_PERSONAL_KEY is not set" in done.output and "openssl rand -hex 32" in done.output


def test_a_secret_that_is_known_already_is_used_and_never_replaced(config: Path, desk: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_KEY", TOKEN)
    done = meridian(config, "source", "add", "zendesk", "--set", f"url={desk.url}", "--set", f"email={loading.ADMIN_EMAIL}", "--env", "token=DESK_KEY")
    assert done.exit_code == 0, done.output
    assert set(read_env_file(config.parent / ".env")) == {"MERIDIAN_PERSONAL_KEY"}, "the token is in the environment, so it needs no line"
    done = add(config, desk, "--env", "token=DESK_KEY", stdin="another\n")
    assert done.exit_code == 2 and "DESK_KEY is set already, to another value" in done.output and "another\n" not in done.output.replace("to another value", "")


def test_at_a_terminal_what_is_missing_is_asked_for(config: Path, desk: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def prompt(text: str, **how: Any) -> str:
        asked.append((text.split(" ")[0], how.get("hide_input", False)))
        return {"url": desk.url, "email": loading.ADMIN_EMAIL, "token": TOKEN}[text.split(" ")[0]]

    monkeypatch.setattr("flows.source_dialogue.typer.prompt", prompt)
    monkeypatch.setattr("flows.source_dialogue.sys", type("Terminal", (), {"stdin": type("In", (), {"isatty": staticmethod(lambda: True)})}))
    assert meridian(config, "source", "add", "zendesk").exit_code == 0
    assert asked == [("url", False), ("email", False), ("token", True)], "the secret does not appear on the screen"


def test_check_goes_through_all_sources_and_fails_when_one_does(config: Path, desk: Running) -> None:
    add(config, desk)
    config.write_text(config.read_text() + '\n[sources.drop]\nkind = "files"\nfolder = "nowhere"\nstreams.costs = { pattern = "*.csv", key = ["id"] }\n')
    done = meridian(config, "source", "check")
    assert done.exit_code == 1
    assert "ok   helpdesk (zendesk): Zendesk at" in done.output
    assert "BAD  drop (files)" in done.output and "nowhere" in done.output and "→ create it" in done.output
    done = meridian(config, "source", "check", "help")
    assert done.exit_code == 2 and "has no source 'help'; there are helpdesk, drop" in done.output


def test_doctor_says_the_same_of_the_sources(config: Path, desk: Running) -> None:
    add(config, desk)
    finding = next(finding for finding in doctor.examine(load(config)) if finding.subject == "source helpdesk (zendesk)")
    assert finding.is_well and "Zendesk at" in finding.detail


def test_sample_shows_records_and_what_their_fields_look_like_and_lands_nothing(config: Path, desk: Running) -> None:
    add(config, desk)
    done = meridian(config, "source", "sample", "helpdesk", "tickets", "-n", "2")
    assert done.exit_code == 0, done.output
    assert "2 records of helpdesk/tickets" in done.output
    assert done.output.count('"generated_timestamp":') == 2
    shown = {line.split()[0]: line for line in done.output.split("records of helpdesk/tickets")[1].splitlines()[1:]}
    assert "instant" in shown["created_at"] and "whole number" in shown["id"] and "text" in shown["via.channel"]
    assert not (config.parent / "var" / "landing").exists()
    assert "no stream 'tikets'; there are" in meridian(config, "source", "sample", "helpdesk", "tikets").output


def test_types_are_inferred_from_what_values_look_like() -> None:
    records = [
        {"id": 1, "at": "2026-05-01T10:00:00+02:00", "day": "2026-05-01", "amount": "12.50", "tags": ["a", 1], "who": {"name": "Eva", "age": None}, "ok": True, "empty": {}},
        {"id": "x", "at": None, "tags": [], "ratio": 0.5},
    ]
    found = {field.path: (field.types, field.present) for field in sources.infer(records)}
    assert found == {
        "id": (("text", "whole number"), 2), "at": (("instant", "null"), 2), "day": (("date",), 1), "amount": (("number as text",), 1),
        "tags": (("list of nothing", "list of text or whole number"), 2), "who.name": (("text",), 1), "who.age": (("null",), 1), "ok": (("true or false",), 1),
        "empty": (("object",), 1), "ratio": (("number",), 1),
    }


def test_every_kind_can_be_written_as_a_stanza_that_reads_back() -> None:
    from connectors import registry

    for kind in registry.KINDS:
        given = {option.name: "x" for option in sources.options_of(kind) if option.default is None and option.is_text}
        text = sources.stanza(kind, "one", given, {secret: "VARIABLE" for secret in registry.SECRETS[kind]})
        read = tomllib.loads(text)["sources"]["one"]
        assert read == {"kind": kind, **given, **{f"{secret}_env": "VARIABLE" for secret in registry.SECRETS[kind]}}
        defaults = re.findall(r"^# (\w+ = .*)$", text, flags=re.MULTILINE)
        assert set(tomllib.loads("\n".join(defaults))) == {option.name for option in sources.options_of(kind) if option.default}


def test_sources_needs_neither_prefect_nor_a_second_to_import() -> None:
    import subprocess

    loaded = subprocess.run([sys.executable, "-c", "import sys, flows.sources, flows.source_dialogue; print(*sys.modules)"], capture_output=True, text=True, check=True)
    assert not {"prefect", "great_expectations", "dbt", "pandas"} & {name.split(".")[0] for name in loaded.stdout.split()}
