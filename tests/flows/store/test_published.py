"""The published store: versions, comments, checksums, going back, pruning, a full disk."""

from __future__ import annotations

import datetime as dt
import json
import resource
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path

import duckdb
import pytest

from flows.store import published as store
from flows.store.checksums import differences, table_checksum
from flows.store.versions import lineage

AS_OF = dt.date(2026, 10, 31)
NOW = dt.datetime(2026, 11, 1, 2, 30, tzinfo=dt.UTC)
TABLES = (
    store.Table(
        name="kpis", relation="marts.kpis", description="KPI values. One row per KPI and period.", columns={"value": "The value; null when there was no data."}
    ),
    store.Table(name="fct_orders", relation="core.fct_orders"),
)


def build_warehouse(path: Path, stamp: int, rows: int = 50) -> Path:
    """A private warehouse; both marts carry the same stamp, so that a mix of two versions shows."""
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts; create schema core")
        connection.execute(
            f"create table marts.kpis as select {stamp} as stamp, 'kpi' || i as kpi, i * 1.5::double as value, 'v{stamp}' as data_version "
            f"from range({rows}) t(i)"
        )
        connection.execute(
            f"create table core.fct_orders as select {stamp} as stamp, i as order_id, date '2026-01-01' + i::integer as placed_on from range({rows}) t(i)"
        )
    return path


def put_out(folder: Path, stamp: int, *, at: dt.datetime = NOW, as_of: dt.date = AS_OF, rows: int = 50, step: store.Step = lambda name: None) -> store.Version:
    warehouse = build_warehouse(folder.parent / "warehouse.duckdb", stamp, rows)
    candidate = store.prepare(
        folder, warehouse, version=store.next_version(folder, as_of), as_of=as_of, built_at=at, tables=TABLES, code_revision="abc", step=step
    )
    return store.publish(candidate, checks=[{"check": "rows", "passed": True}], published_at=at, step=step)


def stamps(folder: Path) -> tuple[int, int, str]:
    with duckdb.connect(str(folder / "marts.duckdb"), read_only=True) as connection:
        row = connection.execute(
            "select (select any_value(stamp) from kpis), (select any_value(stamp) from fct_orders), (select version from meridian_version)"
        ).fetchone()
    assert row is not None
    return row


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "published"


def test_a_version_is_one_file_parquet_and_a_manifest_behind_stable_names(folder: Path) -> None:
    made = put_out(folder, 1)
    assert made.name == "2026-10-31.001"
    assert made.is_current
    assert stamps(folder) == (1, 1, "2026-10-31.001")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["version"] == "2026-10-31.001"
    assert manifest["tables"]["kpis"]["rows"] == 50
    assert manifest["checks"] == [{"check": "rows", "passed": True}]
    assert manifest["code_revision"] == "abc"
    assert duckdb.sql(f"select count(*) from '{folder}/parquet/fct_orders.parquet'").fetchall() == [(50,)]
    assert duckdb.sql(f"select version from '{folder}/current/parquet/meridian_version.parquet'").fetchall() == [("2026-10-31.001",)]
    assert {path.name for path in made.path.iterdir()} == {"marts.duckdb", "parquet", "manifest.json"}, "no log, no leftovers"


def test_descriptions_become_comments_and_only_listed_tables_are_published(folder: Path) -> None:
    put_out(folder, 1)
    with store.connect(folder) as connection:
        assert connection.execute("select comment from duckdb_columns() where table_name = 'kpis' and column_name = 'value'").fetchall() == [
            ("The value; null when there was no data.",)
        ]
        assert connection.execute("select comment from duckdb_tables() where table_name = 'kpis'").fetchall() == [("KPI values. One row per KPI and period.",)]
        assert {row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()} == {"kpis", "fct_orders", "meridian_version"}


def test_the_version_table_says_instants_in_utc(folder: Path) -> None:
    in_utc = NOW.replace(tzinfo=None)
    put_out(folder, 1, at=dt.datetime(2026, 11, 1, 3, 30, tzinfo=dt.timezone(dt.timedelta(hours=1))))
    with store.connect(folder) as connection:
        assert connection.execute("select as_of, built_at, published_at from meridian_version").fetchall() == [(AS_OF, in_utc, in_utc)]


def test_an_instant_without_a_time_zone_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="time zone"):
        put_out(folder, 1, at=NOW.replace(tzinfo=None))


def test_a_candidate_is_seen_by_nobody_until_it_is_published(folder: Path, tmp_path: Path) -> None:
    put_out(folder, 1)
    candidate = store.prepare(folder, build_warehouse(tmp_path / "w.duckdb", 2), version="2026-10-31.002", as_of=AS_OF, built_at=NOW, tables=TABLES)
    assert stamps(folder)[0] == 1
    assert [version.name for version in store.list_versions(folder)] == ["2026-10-31.001"]
    store.discard(candidate)
    assert stamps(folder)[0] == 1
    assert sorted(path.name for path in (folder / "versions").iterdir()) == ["2026-10-31.001"]


def test_a_second_builder_is_refused_until_the_first_is_done(folder: Path, tmp_path: Path) -> None:
    warehouse = build_warehouse(tmp_path / "w.duckdb", 2)
    first = store.prepare(folder, warehouse, version="2026-10-31.001", as_of=AS_OF, built_at=NOW, tables=TABLES)
    with pytest.raises(store.PublishError, match="another run is preparing"):
        store.prepare(folder, warehouse, version="2026-10-31.002", as_of=AS_OF, built_at=NOW, tables=TABLES)
    store.publish(first, checks=[], published_at=NOW)
    store.discard(store.prepare(folder, warehouse, version="2026-10-31.002", as_of=AS_OF, built_at=NOW, tables=TABLES))


def test_a_table_that_the_warehouse_lacks_is_named_and_the_old_version_stays(folder: Path, tmp_path: Path) -> None:
    put_out(folder, 1)
    with pytest.raises(store.PublishError, match=r"cannot publish fct_tickets: the warehouse has no core\.fct_tickets"):
        store.prepare(
            folder,
            build_warehouse(tmp_path / "w.duckdb", 2),
            version="2026-10-31.002",
            as_of=AS_OF,
            built_at=NOW,
            tables=[*TABLES, store.Table(name="fct_tickets", relation="core.fct_tickets")],
        )
    assert stamps(folder)[0] == 1
    assert put_out(folder, 2).name == "2026-10-31.002"


def test_a_version_is_never_written_twice(folder: Path, tmp_path: Path) -> None:
    put_out(folder, 1)
    with pytest.raises(store.PublishError, match="already published"):
        store.prepare(folder, build_warehouse(tmp_path / "w.duckdb", 2), version="2026-10-31.001", as_of=AS_OF, built_at=NOW, tables=TABLES)


def test_going_back_turns_every_stable_name_and_is_remembered(folder: Path) -> None:
    put_out(folder, 1)
    put_out(folder, 2)
    store.rollback(folder, who="mira", why="orders of Reno are missing", at=NOW + dt.timedelta(hours=5))
    assert stamps(folder) == (1, 1, "2026-10-31.001")
    assert json.loads((folder / "manifest.json").read_text())["version"] == "2026-10-31.001"
    first, second = store.list_versions(folder)
    assert first.is_current
    assert second.withdrawn is not None
    assert (second.withdrawn.who, second.withdrawn.why, second.withdrawn.at) == ("mira", "orders of Reno are missing", NOW + dt.timedelta(hours=5))


def test_a_withdrawn_version_is_not_gone_back_to_and_its_name_is_not_used_again(folder: Path) -> None:
    for stamp in (1, 2, 3):
        put_out(folder, stamp)
    store.rollback(folder, to="2026-10-31.001", who="mira", why="both are wrong", at=NOW)
    assert put_out(folder, 4).name == "2026-10-31.004"
    assert store.rollback(folder, who="mira", why="so is this", at=NOW).name == "2026-10-31.001"


def test_going_back_and_forth_is_possible_by_name(folder: Path) -> None:
    put_out(folder, 1)
    put_out(folder, 2)
    store.rollback(folder, who="mira", why="doubt", at=NOW)
    store.rollback(folder, to="2026-10-31.002", who="mira", why="it was right", at=NOW)
    version = store.current(folder)
    assert version is not None
    assert (version.name, version.withdrawn) == ("2026-10-31.002", None)


def test_going_back_with_nothing_to_go_back_to_says_so(folder: Path) -> None:
    with pytest.raises(store.PublishError, match="nothing is published"):
        store.rollback(folder, who="mira", why="", at=NOW)
    put_out(folder, 1)
    with pytest.raises(store.PublishError, match="no version before"):
        store.rollback(folder, who="mira", why="", at=NOW)
    with pytest.raises(store.PublishError, match=r"no published version '2026-10-31\.009'; the newest are: 2026-10-31\.001"):
        store.rollback(folder, to="2026-10-31.009", who="mira", why="", at=NOW)


def test_pruning_keeps_the_current_version_and_the_one_before_however_old(folder: Path) -> None:
    for day in range(4):
        put_out(folder, day, at=NOW + dt.timedelta(days=day), as_of=AS_OF + dt.timedelta(days=day))
    assert store.prune(folder, keep_days=30, now=NOW + dt.timedelta(days=20)) == []
    assert store.prune(folder, keep_days=2, now=NOW + dt.timedelta(days=400)) == ["2026-10-31.001", "2026-11-01.001"]
    assert [version.name for version in store.list_versions(folder)] == ["2026-11-02.001", "2026-11-03.001"]
    assert store.rollback(folder, who="mira", why="", at=NOW).name == "2026-11-02.001"


def test_pruning_never_takes_an_old_version_that_was_gone_back_to(folder: Path) -> None:
    for day in range(4):
        put_out(folder, day, at=NOW + dt.timedelta(days=day), as_of=AS_OF + dt.timedelta(days=day))
    store.rollback(folder, to="2026-10-31.001", who="mira", why="", at=NOW)
    store.prune(folder, keep_days=0, now=NOW + dt.timedelta(days=400))
    assert stamps(folder) == (0, 0, "2026-10-31.001")


def test_a_reader_that_holds_the_old_file_open_blocks_nobody_and_stays_on_its_version(folder: Path) -> None:
    put_out(folder, 1)
    reader = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys\nc = duckdb.connect(sys.argv[1], read_only=True)\nprint('open', flush=True)\nsys.stdin.readline()\n"
            "print(c.execute('select any_value(k.stamp), any_value(o.stamp) from kpis k, fct_orders o').fetchone(), flush=True)",
            str(folder / "marts.duckdb"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdin is not None
    assert reader.stdout is not None
    assert reader.stdout.readline() == "open\n"
    for stamp in (2, 3, 4):
        put_out(folder, stamp, at=NOW + dt.timedelta(days=stamp))
    assert "2026-10-31.001" in store.prune(folder, keep_days=0, now=NOW + dt.timedelta(days=9)), "not even deleting its file disturbs it"
    reader.stdin.write("\n")
    reader.stdin.flush()
    assert reader.stdout.readline() == "(1, 1)\n"
    assert reader.wait(30) == 0
    assert stamps(folder)[0] == 4


def test_connect_finds_the_new_version_in_a_process_that_still_holds_the_old_one(folder: Path) -> None:
    put_out(folder, 1)
    old = store.connect(folder)
    put_out(folder, 2)
    with store.connect(folder) as new:
        assert new.execute("select any_value(stamp) from kpis").fetchall() == [(2,)]
    assert old.execute("select any_value(stamp) from kpis").fetchall() == [(1,)]
    old.close()


def test_published_files_cannot_be_written_to_by_a_careless_tool(folder: Path) -> None:
    made = put_out(folder, 1)
    assert all(path.stat().st_mode & 0o222 == 0 for path in made.path.rglob("*") if path.is_file())


def test_a_log_left_beside_the_stable_name_does_not_outlive_the_next_publication(folder: Path) -> None:
    put_out(folder, 1)
    (folder / "marts.duckdb.wal").write_bytes(b"left by a tool that opened the file for writing")
    put_out(folder, 2)
    assert stamps(folder)[0] == 2


def test_checksums_do_not_depend_on_order_or_on_the_last_bits_of_a_sum_but_on_every_value() -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "create table a as select i as id, 0.1::double + 0.2::double as x, null::varchar as t, 'build 1' as data_version from range(100) r(i)"
        )
        connection.execute("create table b as select t, 0.3::double as x, id, 'build 2' as data_version from a order by id desc")
        same = table_checksum(connection, "a")
        assert table_checksum(connection, "b") == same
        for change in ("update b set x = 0.3000001 where id = 5", "update b set t = '' where id = 5", "update b set id = 6 where id = 5"):
            connection.execute("begin")
            connection.execute(change)
            assert table_checksum(connection, "b") != same, change
            connection.execute("rollback")


def test_two_builds_are_compared_row_for_row(folder: Path, tmp_path: Path) -> None:
    one, two = put_out(folder, 1), put_out(folder, 1)
    assert differences(one.marts, two.marts) == [], "another version of the same rows is no difference"
    three = put_out(folder, 3)
    found = {difference.table: difference for difference in differences(one.marts, three.marts)}
    assert (found["kpis"].only_left, found["kpis"].only_right) == (50, 50)
    assert len(found["fct_orders"].examples_left) == 3


def test_the_line_of_good_versions_leaves_out_turns_that_never_happened(folder: Path) -> None:
    put_out(folder, 1)
    flips = json.loads((folder / "flips.json").read_text())
    (folder / "flips.json").write_text(json.dumps([*flips, {**flips[0], "left": flips[0]["to"], "to": "2026-10-31.002"}]))
    assert lineage(store.flips(folder))[0] == ["2026-10-31.001"]
    assert store.next_version(folder, AS_OF) == "2026-10-31.003", "the name may be in a log somewhere"


def test_a_full_disk_is_said_in_words_and_the_old_version_stays(small_disk: Path, tmp_path: Path) -> None:
    folder = small_disk / "published"
    warehouse = build_warehouse(tmp_path / "w.duckdb", 1)
    store.publish(store.prepare(folder, warehouse, version="2026-10-31.001", as_of=AS_OF, built_at=NOW, tables=TABLES), checks=[], published_at=NOW)
    big = build_warehouse(tmp_path / "big.duckdb", 2, rows=2_000_000)
    with pytest.raises(store.FilesystemFull, match=r"no room to publish in .* MB free\): the version before stays current"):
        store.prepare(folder, big, version="2026-10-31.002", as_of=AS_OF, built_at=NOW, tables=TABLES)
    assert stamps(folder) == (1, 1, "2026-10-31.001")
    again = store.prepare(folder, build_warehouse(tmp_path / "w.duckdb", 3), version="2026-10-31.002", as_of=AS_OF, built_at=NOW, tables=TABLES)
    assert store.publish(again, checks=[], published_at=NOW).name == "2026-10-31.002", "what was half written does not take the room of the next run"


def _publish_with_little_room(folder: str, warehouse: str, said: str) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
    try:
        store.prepare(Path(folder), Path(warehouse), version="2026-10-31.002", as_of=AS_OF, built_at=NOW, tables=TABLES)
    except store.FilesystemFull as error:
        Path(said).write_text(str(error))


def test_a_file_size_limit_is_said_in_words_too(folder: Path, tmp_path: Path) -> None:
    put_out(folder, 1)
    said = tmp_path / "said"
    child = get_context("spawn").Process(
        target=_publish_with_little_room, args=(str(folder), str(build_warehouse(tmp_path / "big.duckdb", 2, rows=2_000_000)), str(said))
    )
    child.start()
    child.join(60)
    assert "stays current" in said.read_text()
    assert stamps(folder) == (1, 1, "2026-10-31.001")
