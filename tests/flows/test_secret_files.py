"""No file with a secret stays readable for others: `meridian doctor` names each, and closes it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows import cli, doctor, up
from flows.settings import Settings, load
from flows.store import ledger as ledgers

# Where a deployment, the sandbox and Superset keep theirs.
SECRET = ("state/prefect/auth", "sandbox/secrets.env", "sandbox/request_tracker/first-password", "state/bi/secrets.json", "certificates/reader.key", "tls/our.pem",
          "meridian-2026-03-01.tar.zst", "state/old.tar.zst.part", ".env.old")
HARMLESS = ("meridian.toml.example", ".env.example", "state/published/secrets.parquet", "state/landing/crm/passwords/2026.jsonl.zst", "drop/secrets.csv", "sandbox/zendesk.json")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "meridian.toml").write_text('[company]\nname = "Small"\n[state]\nhome = "state"\n')
    before = os.umask(0o022)
    for name in (*SECRET, *HARMLESS):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / ".env").touch(mode=0o600)
    (tmp_path / "sandbox" / "secrets").symlink_to(tmp_path / "meridian.toml")
    os.umask(before)
    return load(tmp_path / "meridian.toml", environment={})


def found(settings: Settings) -> doctor.Finding:
    (one,) = doctor._secrets(settings)
    return one


def test_every_file_with_a_secret_is_named_and_closed_and_nothing_else_is_touched(settings: Settings, tmp_path: Path) -> None:
    ledger = Path(settings.ledger)
    ledgers.open_ledger(settings.ledger)
    assert [path.stat().st_mode & 0o777 for path in ledger.parent.glob("ledger.sqlite*")] == [0o600] * len(list(ledger.parent.glob("ledger.sqlite*")))
    ledger.chmod(0o664)
    modes = {name: (tmp_path / name).stat().st_mode for name in HARMLESS}
    bad = found(settings)
    assert not bad.is_well and f"chmod 600 {tmp_path / '.env.old'}" in bad.mend and bad.fix is not None
    closed = len(SECRET) + 2                    # the ledger, and the folder of Prefect
    assert bad.detail.endswith(f"and {closed - 5} more")
    said = CliRunner().invoke(cli.app, ["doctor", "--fix", "--config", str(settings.path)]).output
    assert f"→ {closed} closed" in said, said
    assert [name for name in SECRET if (tmp_path / name).stat().st_mode & 0o077] == []
    assert (ledger.stat().st_mode & 0o777, up.folder(settings).stat().st_mode & 0o777) == (0o660, 0o700), "a group may read the ledger that it shares"
    assert {name: (tmp_path / name).stat().st_mode for name in HARMLESS} == modes
    assert found(settings).is_well


def test_a_backup_is_readable_by_its_owner_alone(settings: Settings, tmp_path: Path) -> None:
    before = os.umask(0o022)
    (tmp_path / "other").mkdir()
    done = CliRunner().invoke(cli.app, ["backup", str(tmp_path / "other" / "b.bin"), "--config", str(settings.path)])
    os.umask(before)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "other" / "b.bin").stat().st_mode & 0o777 == 0o600
