"""The rules that keep the dbt project one project: names, layers, clocks, keys, words. Read from what dbt parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dbt_common.clients.jinja import get_template

from tests.dbt_project.warehouse_builder import PROJECT

KPI_KEYS = {
    "title_en",
    "title_zh",
    "question",
    "owner",
    "raci",
    "unit",
    "direction",
    "target",
    "warn_at",
    "act_at",
    "effective_from",
    "grain",
    "min_sample",
    "perspective",
    "source_note",
    "not_comparable_before",
}
TABLES_ABOUT_KPIS = {"kpi_catalogue", "kpi_signals", "kpi_drivers"}
OPTIONAL_KPI_KEYS = {"settles_after_days", "target_change", "also", "is_trailing", "factors"}
UNITS = {"ratio", "hours", "minutes", "days", "currency", "points", "people", "count"}
CLOCKS = re.compile(
    r"\b(current_timestamp|current_date|current_time|localtimestamp|now\s*\(|today\s*\(|get_current_timestamp|transaction_timestamp|random\s*\(|uuid\s*\(|"
    r"gen_random_uuid|run_started_at|modules\.datetime)",
    re.IGNORECASE,
)
NAMES = {
    "staging": re.compile(r"stg_[a-z0-9_]+?__[a-z0-9_]+"),
    "intermediate": re.compile(r"int_[a-z0-9_]+"),
    "marts/core": re.compile(r"(fct|dim)_[a-z0-9_]+"),
    "marts/kpis": re.compile(r"kpi_[a-z0-9_]+|kpis|scorecard|restatements|source_freshness|stream_completeness|stream_days"),
    "marts/quality": re.compile(r"quarantine|quarantine_counts"),
    "marts/process": re.compile(r"process_[a-z0-9_]+"),
    "marts/worklists": re.compile(r"worklist_[a-z0-9_]+|worklists"),
    "as_built": re.compile(r"built_[a-z0-9_]+"),
}
COMMENTS = re.compile(r"\{#.*?#\}|--[^\n]*", re.DOTALL)


def models(manifest: Any) -> Iterator[Any]:
    return (node for node in manifest.nodes.values() if node.resource_type == "model")


def names(broken: Iterator[Any] | list[Any]) -> list[str]:
    return sorted(node if isinstance(node, str) else node.name for node in broken)


def layer(node: Any) -> str:
    parts = Path(node.original_file_path).parts[1:]
    return "/".join(parts[:2]) if parts[0] == "marts" else parts[0]


def kpi_meta(node: Any) -> dict[str, Any]:
    found: dict[str, Any] = node.config.meta.get("kpi") or {}
    return found


def generic_test(node: Any) -> str | None:
    """Name of the generic test that `node` is one of; None for other nodes and for singular tests."""
    metadata = getattr(node, "test_metadata", None)
    return metadata.name if metadata else None


def opens_with_a_comment(node: Any) -> bool:
    return bool(node.raw_code.lstrip().startswith(("--", "{#")))


def sql_files() -> Iterator[Path]:
    for folder in ("models", "macros", "tests"):
        yield from sorted((PROJECT / folder).rglob("*.sql"))


def test_a_model_is_called_after_its_room(dbt_manifest: Any) -> None:
    assert names(node for node in models(dbt_manifest) if not NAMES[layer(node)].fullmatch(node.name)) == []


def test_a_staging_model_is_called_after_its_source(dbt_manifest: Any) -> None:
    wrong = []
    for node in models(dbt_manifest):
        if layer(node) == "staging":
            kind = Path(node.original_file_path).parts[2]
            sources = {dbt_manifest.sources[parent].source_name for parent in node.depends_on.nodes if parent in dbt_manifest.sources}
            if not node.name.startswith(f"stg_{kind}__") or sources != {kind}:
                wrong.append(node)
    assert names(wrong) == []


def test_only_staging_reads_what_landed(dbt_manifest: Any) -> None:
    readers = [node for node in models(dbt_manifest) if any(parent in dbt_manifest.sources for parent in node.depends_on.nodes)]
    assert names(node for node in readers if layer(node) != "staging") == []


def test_no_layer_reads_from_one_above_it(dbt_manifest: Any) -> None:
    # int_kpis__judged collects the KPI models for goal_attainment, which cannot read the union that contains itself.
    allowed = {"int_kpis__judged"}
    height = {"staging": 0, "intermediate": 1, "marts": 2, "as_built": 3}
    wrong = []
    for node in models(dbt_manifest):
        for parent in node.depends_on.nodes:
            if (
                parent in dbt_manifest.nodes
                and dbt_manifest.nodes[parent].resource_type == "model"
                and height[layer(dbt_manifest.nodes[parent]).split("/")[0]] > height[layer(node).split("/")[0]]
                and node.name not in allowed
            ):
                wrong.append(f"{node.name} reads {dbt_manifest.nodes[parent].name}")
    assert wrong == []


def test_a_staging_model_has_the_one_silhouette(dbt_manifest: Any) -> None:
    wrong = []
    for node in models(dbt_manifest):
        if layer(node) == "staging" and "/meridian/" not in node.original_file_path:
            code = COMMENTS.sub("", node.raw_code)
            key = node.config.unique_key
            if not (
                re.search(r"with\s+source as \(\s*select \* from \{\{ source\(", code)
                and code.count("source(") == 1
                and "{{ parse(" in code
                and re.search(r"select \* from renamed\s*(\{\{ newest_per_key\([^)]*\) \}\})?\s*$", code)
                and code.count("{{ newest_per_key(") == 1
                and key
                and list(key)[:2] == ["source_name", "record_key"]
                and node.config.materialized == "incremental"
                and node.config.incremental_strategy == "delete+insert"
                and node.config.on_schema_change == "fail"
            ):
                wrong.append(node)
    assert names(wrong) == []


def test_nothing_reads_the_wall_clock_or_rolls_dice() -> None:
    found = [
        f"{path.relative_to(PROJECT)}: {match.group()}" for path in sql_files() for match in CLOCKS.finditer(COMMENTS.sub("", path.read_text(encoding="utf-8")))
    ]
    assert found == []


def test_the_settings_of_a_run_are_read_in_one_place() -> None:
    found = [
        str(path.relative_to(PROJECT))
        for path in sql_files()
        if path.name != "run_settings.sql" and re.search(r"\b(var|env_var)\s*\(", COMMENTS.sub("", path.read_text(encoding="utf-8")))
    ]
    assert found == []


def test_every_stored_model_has_a_primary_key_that_is_tested(dbt_manifest: Any) -> None:
    tested = {test.attached_node for test in dbt_manifest.nodes.values() if generic_test(test) == "primary_key"}
    assert names(node for node in models(dbt_manifest) if node.config.materialized != "view" and node.unique_id not in tested) == []


def test_every_description_ends_with_the_grain(dbt_manifest: Any) -> None:
    grain = re.compile(r"One row per [^.]+\.\s*$")
    assert names(node for node in models(dbt_manifest) if not grain.search(node.description or "")) == []


def test_every_source_and_every_singular_test_is_explained(dbt_manifest: Any) -> None:
    silent = [source.identifier for source in dbt_manifest.sources.values() if not source.description]
    silent += [
        node.name
        for node in dbt_manifest.nodes.values()
        if node.resource_type == "test" and not generic_test(node) and not node.description and not opens_with_a_comment(node)
    ]
    assert sorted(silent) == []


def test_what_is_published_has_a_contract_and_a_word_on_every_column(dbt_manifest: Any) -> None:
    published = [node for node in models(dbt_manifest) if "published" in node.tags]
    assert {"kpis", "kpi_catalogue", "scorecard", "restatements", "source_freshness", "stream_completeness"} <= {node.name for node in published}
    wrong = [f"{node.name}: contract" for node in published if not node.config.contract.enforced]
    wrong += [f"{node.name}.{column.name}" for node in published for column in node.columns.values() if not column.description or not column.data_type]
    assert sorted(wrong) == []


def test_every_fact_and_dimension_is_published(dbt_manifest: Any) -> None:
    assert (
        names(node for node in models(dbt_manifest) if layer(node) in {"marts/core", "marts/worklists", "marts/process"} and "published" not in node.tags) == []
    )


def test_a_kpi_says_everything_that_the_catalogue_shows(dbt_manifest: Any) -> None:
    wrong = []
    for node in models(dbt_manifest):
        if node.name.startswith("kpi_") and node.name not in TABLES_ABOUT_KPIS:
            stated = kpi_meta(node)
            wrong += [f"{node.name}: no {key}" for key in sorted(KPI_KEYS - stated.keys())]
            wrong += [f"{node.name}: {key}?" for key in sorted(stated.keys() - KPI_KEYS - OPTIONAL_KPI_KEYS)]
            for id, one in {node.name: stated, **(stated.get("also") or {})}.items():
                wrong += [f"{id}: {key} is empty" for key in ("title_en", "title_zh", "question") if not one.get(key)]
                wrong += [f"{id}: {key}?" for key in sorted(one.keys() - KPI_KEYS - OPTIONAL_KPI_KEYS)]
            for key in ("owner", "raci", "source_note"):
                wrong += [f"{node.name}: {key} is empty"] if not stated.get(key) else []
            for key, allowed in {
                "direction": {"higher", "lower", "range"},
                "grain": {"any", "day", "week", "month"},
                "unit": UNITS,
                "perspective": {"financial", "customer", "process", "learning"},
            }.items():
                wrong += [f"{node.name}: {key} {stated.get(key)!r}"] if stated.get(key) not in allowed else []
    assert wrong == []


def test_a_target_lies_where_its_direction_says(dbt_manifest: Any) -> None:
    """act_at is the bad side of the target, or one of two slips of a finger is published: the direction or the number."""
    wrong = []
    for node in models(dbt_manifest):
        stated = kpi_meta(node)
        target, act_at = stated.get("target"), stated.get("act_at")
        if target is not None and act_at is not None:
            if (stated["direction"] == "higher" and act_at > target) or (stated["direction"] == "lower" and act_at < target):
                wrong.append(node)
            if stated["direction"] == "range" and not 0 <= stated["warn_at"] <= act_at:
                wrong.append(node)
    assert names(wrong) == []


def test_no_two_models_give_the_same_kpi(dbt_manifest: Any) -> None:
    ids = [id for node in models(dbt_manifest) if kpi_meta(node) for id in (node.name.removeprefix("kpi_"), *(kpi_meta(node).get("also") or {}))]
    assert sorted(ids) == sorted(set(ids))


def test_the_union_takes_in_every_kpi_model() -> None:
    listed = re.findall(r"^        '([a-z0-9_]+)',", (PROJECT / "macros" / "kpi_models.sql").read_text(), re.MULTILINE)
    in_folder = {path.stem.removeprefix("kpi_") for path in (PROJECT / "models" / "marts" / "kpis").rglob("kpi_*.sql")} - {
        "catalogue", "goal_attainment", "improvement_projects", "efficiency_gain", "signals", "drivers"}
    assert listed == sorted(in_folder)


def test_the_union_takes_in_every_worklist() -> None:
    macro = (PROJECT / "macros" / "worklists.sql").read_text()
    listed = re.findall(r"^        '([a-z0-9_]+)',$", macro, re.MULTILINE)
    assert listed == sorted(path.stem.removeprefix("worklist_") for path in (PROJECT / "models" / "marts" / "worklists").glob("worklist_*.sql"))


def test_a_unit_test_stands_beside_every_kpi_and_worklist(dbt_manifest: Any) -> None:
    tested = {test.model for test in dbt_manifest.unit_tests.values()}
    wanted = [node for node in models(dbt_manifest) if kpi_meta(node) or node.name.startswith("worklist_")]
    assert names(node for node in wanted if node.name not in tested) == []


def test_a_unit_test_states_its_own_day(dbt_manifest: Any) -> None:
    """Without `as_of` of its own a unit test would answer differently every night."""
    wrong = []
    for test in dbt_manifest.unit_tests.values():
        node = next(one for one in models(dbt_manifest) if one.name == test.model)
        told = (test.overrides.vars if test.overrides else {}) or {}
        used = {macro.split(".")[-1] for macro in macros_used(dbt_manifest, node.depends_on.macros)} & {"as_of", "time_zone", "reporting_currency"}
        missing = {{"reporting_currency": "currency"}.get(name, name) for name in used} - set(told)
        wrong += [f"{test.name}: {name}" for name in sorted(missing)]
    assert wrong == []


def macros_used(manifest: Any, first: list[str]) -> set[str]:
    waiting, seen = list(first), set()
    while waiting:
        name = waiting.pop()
        if name not in seen and name in manifest.macros:
            seen.add(name)
            waiting += manifest.macros[name].depends_on.macros
    return seen


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path.relative_to(PROJECT))) for path in sql_files()])
def test_sql_is_written_in_the_house_style(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    code = COMMENTS.sub("", text)
    lines = text.splitlines()
    assert len(lines) <= 300
    assert "\t" not in text and text.endswith("\n") and not any(line != line.rstrip() for line in lines)
    assert not re.search(r"\b(SELECT|FROM|WHERE|JOIN|GROUP BY|CASE|WITH)\b", code), "keywords are lower case"
    assert max(map(len, lines), default=0) <= 200
    if "models" in path.parts and "with\n" in code:
        assert re.search(r"select \* from (final|renamed)\s*(\{\{ newest_per_key\([^)]*\) \}\})?\s*$", code), "a model ends with the CTE it is"


def test_no_template_of_a_macro_does_anything_but_define_it(dbt_manifest: Any) -> None:
    """Jinja looks a name up where it is used, in the function; were it one day looked up around it, a macro would see an older context."""
    for one in dbt_manifest.macros.values():
        code = get_template(one.macro_sql, {}).environment.compile(one.macro_sql, raw=True)
        around = code[code.index("def root("):code.index("def macro(")]
        assert not re.search(r"\bresolve\(|\bcontext\.call|environment\.getattr", around), one.unique_id
        after = [line for line in code.splitlines() if line.startswith("    ") and not line.startswith("     ")]
        assert sum(" Macro(environment, macro" in line for line in after) == 1, one.unique_id
        assert not any("yield" in line and "yield ''" not in line for line in after if "if 0" not in line), one.unique_id
