"""A backup holds what cannot be got again, goes back whole, and is believed only when it is whole."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from flows import ingest
from flows.healing import ailments
from flows.store import backup, published
from flows.store import ledger as ledgers
from flows.store.backup import BackupError
from flows.store.checksums import differences
from tests.flows.conftest import Company
from tests.flows.test_ingest import BY_CURSOR, NOW, latest, store_at, truth_of


def filled(home: Path) -> ledgers.Ledger:
    ingest.ingest_stream(truth_of(7), BY_CURSOR, store_at(home))
    return store_at(home).ledger


def rows(ledger: ledgers.Ledger) -> list[dict[str, object]]:
    return list(backup._rows(ledger))


def test_a_company_that_was_restored_has_the_same_marts_and_goes_on_from_there(tmp_path: Path, after_first_night: Callable[[Path], Company]) -> None:
    company = after_first_night(tmp_path / "before")
    done = company.run("backup", str(tmp_path / "backup.tar.zst"))
    assert done.returncode == 0 and "Keep" in done.stdout, done.stdout + done.stderr
    assert [path.name for path in tmp_path.glob("backup*")] == ["backup.tar.zst"]
    again = after_first_night(tmp_path / "after")
    settings = again.settings()
    shutil.rmtree(settings.home)
    assert again.run("restore", str(tmp_path / "backup.tar.zst")).returncode == 0
    assert differences(settings.published / "marts.duckdb", company.settings().published / "marts.duckdb") == []
    ledger = ledgers.open_ledger(settings.ledger)
    assert rows(ledger) == rows(ledgers.open_ledger(company.settings().ledger)) and not list(ailments(settings, ledger, None))
    refused = again.run("restore", str(tmp_path / "backup.tar.zst"))
    assert refused.returncode == 1 and "restore into one that is empty" in refused.stderr
    assert [version.name for version in published.list_versions(settings.published)] == ["2026-03-01.001"]


def test_what_is_torn_or_was_changed_is_not_restored_and_nothing_is_touched(tmp_path: Path) -> None:
    backup.write(tmp_path / "home", filled(tmp_path / "home"), tmp_path / "whole.tar.zst", at=NOW)
    whole = (tmp_path / "whole.tar.zst").read_bytes()
    for broken in (whole[:-40], whole[:len(whole) // 2] + b"\0\0\0\0" + whole[len(whole) // 2 + 4:], b"nothing"):
        (tmp_path / "broken.tar.zst").write_bytes(broken)
        home = tmp_path / "empty"
        with pytest.raises(BackupError, match=r"is no whole backup|is damaged"):
            backup.restore(home, ledgers.open_ledger(str(home / "ledger.sqlite")), tmp_path / "broken.tar.zst")
        assert {path.name for path in home.iterdir()} <= {"ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"}


def test_a_restoring_that_died_before_the_ledger_is_done_again_and_loses_nothing_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = filled(tmp_path / "home")
    backup.write(tmp_path / "home", ledger, tmp_path / "whole.tar.zst", at=NOW)
    home = tmp_path / "other"
    with monkeypatch.context() as patch:
        patch.setattr(backup, "sync", lambda path: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            backup.restore(home, ledgers.open_ledger(str(home / "ledger.sqlite")), tmp_path / "whole.tar.zst")
    restored = ledgers.open_ledger(str(home / "ledger.sqlite"))
    assert not ledgers.list_batches(restored)
    backup.restore(home, restored, tmp_path / "whole.tar.zst")
    assert latest(store_at(home), "orders") == latest(store_at(tmp_path / "home"), "orders") and (home / "landing.before.1").is_dir()


def test_a_backup_of_what_has_lost_or_spoilt_a_file_is_refused_and_leaves_nothing_behind(tmp_path: Path) -> None:
    ledger = filled(tmp_path / "home")
    file = next((tmp_path / "home" / "landing").rglob("*.zst"))
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(BackupError, match="is not what was landed"):
        backup.write(tmp_path / "home", ledger, tmp_path / "backup.tar.zst", at=NOW)
    file.unlink()
    with pytest.raises(BackupError, match="is not there though the ledger knows it"):
        backup.write(tmp_path / "home", ledger, tmp_path / "backup.tar.zst", at=NOW)
    assert not list(tmp_path.glob("backup*"))


@pytest.mark.parametrize(("name", "kind", "link"), [
    ("../outside", tarfile.REGTYPE, ""), ("/etc/passwd", tarfile.REGTYPE, ""), ("home/published/current", tarfile.SYMTYPE, "../../../outside"),
    ("home/x", tarfile.SYMTYPE, "/etc/passwd"), ("home/x", tarfile.LNKTYPE, "home/y"), ("home/x", tarfile.FIFOTYPE, ""),
])
def test_what_would_leave_the_folder_does_not_belong_into_a_backup(name: str, kind: bytes, link: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, link
        archive.addfile(member)
    packed.seek(0)
    with tarfile.open(fileobj=packed) as archive, pytest.raises(tarfile.TarError, match="does not belong"):
        list(backup._plain(archive))
