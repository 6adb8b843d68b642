"""meridian.toml: what is wrong is named with file, line and the nearest valid key; secrets stay out of sight."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from flows import automations, init
from flows.settings import ConfigurationError, load, parse

GOOD = """\
[company]
name = "Shop"
time_zone = "Europe/Berlin"

[sources.helpdesk]
kind = "request_tracker"
url = "https://rt.example.org"
token_env = "RT_TOKEN"
"""


@pytest.mark.parametrize(("old", "new", "line", "said"), [
    ('name = "Shop"', 'nmae = "Shop"', 2, "company.nmae is not a setting; did you mean 'name'?"),
    ('name = "Shop"', "", 1, "company.name is missing"),
    ("Europe/Berlin", "Europe/Berlim", 3, "not an IANA time zone; did you mean 'Europe/Berlin'?"),
    ("[company]", '[night]\nthreads = 0\n[company]', 2, "night.threads = 0"),
    ("[company]", '[state]\nstore = "s3://bucket"\n[company]', 1, "ledger_env names the variable with its address"),
    ("[company]", '[state]\nledger_env = "L"\nstore = "bucket"\n[company]', 3, "such as s3://bucket/prefix or file:///mnt/share"),
    ("[company]", '[state]\nledger_env = "L"\nstore_options = {secret = "hidden"}\n[company]', 3, "state.store_options = ***: secret does not belong"),
    ("[company]", '[state]\nledger_env = "L"\nledger = "sqlite:///x"\n[company]', 1, "the ledger is ledger or what ledger_env names, not both"),
    ("[company]", '[night]\nmemory = "much"\n[company]', 2, "night.memory = 'much'"),
    ("[company]", '[company]\nrobots = ["shop"]', 2, "'shop' is no account; write <source>:<number or name of the user>"),
    ("[company]", '[worklists]\nstale_day = 30\n[company]', 2, "worklists.stale_day is not a setting; did you mean 'stale_days'?"),
    ("[company]", '[worklists]\nlate_rate = 10\n[company]', 2, "worklists.late_rate = 10"),
    ("[company]", '[nigth]\n[company]', 1, "nigth is not a setting; did you mean 'night'?"),
    ("request_tracker", "request_traker", 6, "'request_traker' is no kind of source; did you mean 'request_tracker'?"),
    ("token_env", "tokne_env", 8, "sources.helpdesk.tokne_env is not an option of request_tracker; did you mean 'token_env'?"),
    ("sources.helpdesk", "sources.Help-desk", 5, "small letters"),
    ('kind = "request_tracker"', "", 5, "sources.helpdesk.kind is missing"),
    ("[company]", '[calendars.support]\ntime_zone = "UTC"\nmon = [["9:00", "17:00"]]\n[company]', 3, "'9:00' is not a time of day"),
])
def test_a_wrong_setting_is_named_with_its_line_and_what_would_be_right(old: str, new: str, line: int, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(GOOD.replace(old, new, 1), Path("meridian.toml"))
    assert f"meridian.toml:{line}: " in str(caught.value)
    assert said in str(caught.value)


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(GOOD.replace("name", "nmae").replace("token_env", "tokne_env"), Path("meridian.toml"))
    assert len(str(caught.value).splitlines()) == 3            # nmae unknown, name missing, tokne_env unknown


def test_broken_toml_is_said_with_its_place() -> None:
    with pytest.raises(ConfigurationError, match="meridian.toml: not valid TOML: .*line 2"):
        parse("[company]\nname = Shop", Path("meridian.toml"))


def test_secrets_come_from_the_environment_or_a_private_env_file_and_never_show(tmp_path: Path) -> None:
    (tmp_path / "meridian.toml").write_text(GOOD)
    secrets = tmp_path / ".env"
    secrets.write_text("# keys\nRT_TOKEN='from-the-file'\n")
    secrets.chmod(0o600)
    settings = load(tmp_path / "meridian.toml", environment={})
    assert settings.secrets["RT_TOKEN"] == "from-the-file"
    assert "from-the-file" not in repr(settings)
    assert load(tmp_path / "meridian.toml", environment={"RT_TOKEN": "from-outside"}).secrets["RT_TOKEN"] == "from-outside"
    secrets.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load(tmp_path / "meridian.toml", environment={})


def test_the_last_complete_day_is_one_of_the_reporting_zone(tmp_path: Path) -> None:
    (tmp_path / "meridian.toml").write_text(GOOD)
    settings = load(tmp_path / "meridian.toml", environment={})
    assert settings.as_of(datetime(2026, 10, 31, 22, 59, tzinfo=UTC)) == date(2026, 10, 30)     # 23:59 in Berlin (winter time since the 25th)
    assert settings.as_of(datetime(2026, 10, 31, 23, 1, tzinfo=UTC)) == date(2026, 10, 31)


def test_a_sandbox_clock_stands_at_the_companys_instant_and_ticks(tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("2026-11-01T02:30:00+00:00 2026-11-01T02:30:00+00:00\n")
    (tmp_path / "meridian.toml").write_text(GOOD + '[night]\nclock_file = "clock"\n')
    clock = load(tmp_path / "meridian.toml", environment={}).clock
    first = clock()
    assert clock() >= first


def test_what_init_writes_is_valid_private_and_never_overwrites(tmp_path: Path) -> None:
    written = init.write(tmp_path)
    assert [path.name for path in written] == ["meridian.toml", ".env"]
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    assert load(tmp_path / "meridian.toml", environment={}).configuration.company.name == "Your company"
    with pytest.raises(FileExistsError):
        init.write(tmp_path)


def test_everything_that_init_suggests_is_valid_when_uncommented() -> None:
    text = "\n".join(re.sub(r"^# (?=\[|[\w.]+ = )", "", line) for line in init.TEMPLATE.splitlines())
    parsed = parse(text, Path("meridian.toml"))
    assert (set(parsed.channels), parsed.serve.port, parsed.watch.url_env) == ({"mail", "ops"}, 8787, "DEAD_MAN_URL")
    assert set(parsed.sources) == {"erp", "helpdesk", "second_helpdesk", "crm", "sales", "office", "shop", "store", "erp_replica", "files"}
    assert set(parsed.automations.targets) == {"erp", "helpdesk", "tasks", "register", "partner"}


def test_the_automations_that_init_suggests_name_what_there_is(tmp_path: Path) -> None:
    text = "\n".join(re.sub(r"^# (?=\[|[\w.]+ = )", "", line) for line in init.TEMPLATE.splitlines())
    (tmp_path / "meridian.toml").write_text(text, encoding="utf-8")
    loaded = automations.load_playbooks(load(tmp_path / "meridian.toml", environment={}))
    assert loaded.problems == ()
    assert loaded.playbooks["complaint_escalation"].mode == "approve"
    assert [(step.do, step.target) for step in loaded.playbooks["order_surge"].steps] == [("jira.open_task", "tasks"), ("zendesk.set_autoreply", "helpdesk")]
