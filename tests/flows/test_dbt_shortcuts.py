"""What dbt does more cheaply comes out as it did."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dbt.clients.jinja import get_rendered
from dbt_common.clients.jinja import get_template
from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.types import Note, SystemCouldNotWrite
from jinja2 import Environment

from flows.dbt_shortcuts import TEMPLATES, kept_templates, no_debug_events

COUNTED = """
from flows.dbt_shortcuts import compile_when_used
from mashumaro.core.meta.code.builder import CodeBuilder
looked, count = CodeBuilder.get_field_types, 0
def counted(self, *arguments, **named):
    global count
    count += 1
    return looked(self, *arguments, **named)
CodeBuilder.get_field_types = counted
{before}
from dbt.artifacts.resources import ModelConfig
imported = count
read = ModelConfig.from_dict({{"materialized": "table", "tags": ["a"], "meta": {{"grain": "day"}}}})
print(imported, read.to_dict() == ModelConfig.from_dict(read.to_dict()).to_dict(), read.materialized, read.tags, read.meta)
"""


@pytest.fixture
def told() -> list[Any]:
    return []


@pytest.fixture
def manager(told: list[Any]) -> EventManager:
    made = EventManager()
    made.add_callback(told.append)
    return made


def test_events_are_told_from_info_up_and_debug_ones_when_they_are_raised_to_it(manager: EventManager, told: list[Any]) -> None:
    before = BaseEvent.__init__
    with no_debug_events():
        manager.fire_event(SystemCouldNotWrite(path="a", reason="full", exc="b"))
        assert told == []
        manager.fire_event(SystemCouldNotWrite(path="a", reason="full", exc="b"), level=EventLevel.WARN)
        manager.fire_event(Note(msg="by itself"))
        manager.fire_event(Note(msg="seen"), level=EventLevel.ERROR)
    assert [(event.info.level, event.info.name, event.data.msg if event.info.name == "Note" else event.data.reason) for event in told] == [
        ("warn", "SystemCouldNotWrite", "full"), ("info", "Note", "by itself"), ("error", "Note", "seen")]
    assert BaseEvent.__init__ is before


def test_what_is_no_event_is_still_refused(manager: EventManager) -> None:
    with no_debug_events(), pytest.raises(Exception, match="Unable to parse logging event dictionary"):
        manager.fire_event(Note(nonsense=object()), level=EventLevel.INFO)


def test_an_event_can_be_read_and_changed_before_it_is_told() -> None:
    with no_debug_events():
        event = Note(msg="first")
        event.msg += ", then"
        assert (event.msg, event.message(), event.to_dict()["msg"]) == ("first, then",) * 3


def test_a_template_is_compiled_once_and_says_the_same_in_the_next_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {f"{{% set number = {number} %}}{{{{ number }}}} of {{{{ name }}}}": f"{number} of kpi" for number in range(3)}
    with kept_templates(tmp_path):
        assert [render(text) for text in texts] == list(texts.values())
    monkeypatch.setattr(Environment, "_generate", lambda *_, **__: pytest.fail("compiled again"))
    with kept_templates(tmp_path):
        assert [render(text) for text in texts] == list(texts.values())
    with pytest.raises(BaseException, match="compiled again"), kept_templates(tmp_path):
        render("another one")


def test_native_and_text_are_two_things(tmp_path: Path) -> None:
    for _ in range(2):
        with kept_templates(tmp_path):
            assert get_rendered("{{ 2 | as_native }}", {}, native=True) == 2
            assert render("{{ 2 | as_native }}") == "2"


def test_a_torn_file_costs_time_only(tmp_path: Path) -> None:
    with kept_templates(tmp_path):
        render("{{ name }}")
    file, = tmp_path.glob(f"{TEMPLATES}-*")
    whole = file.read_bytes()
    for content in (b"", whole[:20], whole[:-1], whole[:40] + b"x" + whole[41:]):
        file.write_bytes(content)
        with kept_templates(tmp_path):
            assert render("{{ name }}") == "kpi"
        assert file.read_bytes() == whole


def test_where_nothing_can_be_written_the_build_goes_on(tmp_path: Path) -> None:
    with kept_templates(tmp_path / "gone"):
        assert render("{{ name }}") == "kpi"


def render(text: str) -> str:
    return str(get_template(text, {}).render({"name": "kpi"}))


def test_dataclasses_are_compiled_when_they_are_used_and_read_the_same() -> None:
    def said(before: str) -> tuple[int, str]:
        ended = subprocess.run([sys.executable, "-c", COUNTED.format(before=before)], capture_output=True, text=True, check=True)
        imported, rest = ended.stdout.split(" ", 1)
        return int(imported), rest

    at_import, rest = said("")
    when_used, same = said("compile_when_used()")
    assert when_used < at_import / 2, "mashumaro does not ask for it any more, or dbt says otherwise"
    assert rest == same
    assert rest.startswith("True table ['a'] {'grain': 'day'}")


WITHOUT_PANDAS = """
import sys
from flows.dbt_shortcuts import NoPandas
sys.meta_path.insert(0, NoPandas)
import duckdb
from flows.analysis import dbt_functions
connection = duckdb.connect()
dbt_functions.add_to(connection)
limits = "select len(control_limits([sin(i) for i in range(40)], [1.0 for i in range(40)], [null::double for i in range(40)], [null::double for i in range(40)]))"
print(connection.sql(limits).fetchone()[0], "pandas" in sys.modules)
verdict = "select project_verdict([10 + sin(i) - 4 * (i >= 30)::int for i in range(60)], 30, true).verdict"
print(connection.sql(verdict).fetchone()[0], "pandas" in sys.modules)
"""


def test_pandas_is_not_imported_until_statistics_ask_for_it() -> None:
    ended = subprocess.run([sys.executable, "-c", WITHOUT_PANDAS], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["40 False", "verified True"]
