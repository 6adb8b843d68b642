"""Build: dbt turns what landed into marts inside the private warehouse, tests included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from connectors.personal import KEY_VARIABLE
from flows import alerts, automations
from flows.dbt_process import COULD_NOT_RUN, OUTCOMES
from flows.dbt_shortcuts import PARSED
from flows.freshness import actions_done, alerts_told, compared_streams, days_of_streams, stale_streams
from flows.sections import WEEKDAYS
from flows.settings import PROJECT, Settings
from flows.stopping import Stop
from flows.store import ledger as ledgers
from flows.store import warehouse as warehouses

# Fast test edges: models wait for the same tests, by a graph with fewer edges; to make and to walk the other one is 1.8 s of CPU a night.
QUIET = {
    "DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DBT_PARTIAL_PARSE": "true", "DBT_USE_COLORS": "false", "DBT_USE_FAST_TEST_EDGES": "true",
}


class BuildFailed(Exception):
    """dbt could not build, or a test with severity error failed. The text names the nodes."""


TWO_ROUTES = "path:tests/two_routes"
EXAMPLES, LONGEST_EXAMPLE = 2, 100      # rows of what a test found, characters of each value
# What does not hold of a history that begins in the middle: of an old ticket only the newest events are there, of an old order a line without its header.
OF_A_WHOLE_HISTORY = (TWO_ROUTES, "commerce_relations_hold")
# Asked of the rows whenever they are written (dbt_project/macros/materializations.sql); of whole tables, as nodes, at an audit.
ASKED_AS_WRITTEN = ("test_name:primary_key", "test_name:columns_hold")


@dataclass(frozen=True, kw_only=True)
class Node:
    name: str
    kind: str                      # model, test, unit_test, seed
    status: str                    # success, pass, warn, error, fail, skipped
    seconds: float
    message: str
    model: Mapping[str, Any] | None = None      # of a model: schema, alias, tags, description, columns, strategy, key, meta
    asked: str | None = None       # of a test that found something: its SQL


@dataclass(frozen=True, kw_only=True)
class Built:
    nodes: tuple[Node, ...]
    new_batches: int
    is_rebuild: bool
    held: tuple[tuple[str, str, str], ...]
    seconds: float

    @property
    def warnings(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.status == "warn")


def prepare(settings: Settings, ledger: ledgers.Ledger, *, as_of: date, now: datetime, rebuild: bool = False) -> warehouses.Prepared:
    """Lay new batches and Meridian's own facts before dbt."""
    calendars, holidays = [], []
    for name, calendar in settings.configuration.calendars.items():
        for weekday in WEEKDAYS:
            calendars += [(name, calendar.time_zone, weekday, opens, closes) for opens, closes in getattr(calendar, weekday)]
        holidays += [(name, day) for day in calendar.holidays]
    previous = settings.published / "current" / "parquet"
    return warehouses.prepare(
        settings.warehouse, landing=settings.landing, project=settings.dbt_project, batches=ledgers.list_batches(ledger),
        tables={
            "stream_states": stale_streams(settings, ledger, now), "stream_completeness": compared_streams(settings, ledger, as_of), "calendars": calendars,
            "holidays": holidays, "stream_days": days_of_streams(settings, ledger, as_of, now),
            "automation_actions": actions_done(ledger, {name: one.kpi for name, one in automations.load_playbooks(settings).playbooks.items()}),
            "alerts": alerts_told(ledger, alerts.load_rules(settings).rules),
        },
        previous=previous if previous.exists() else None, as_of=as_of, rebuild=rebuild,
        settings=json.dumps([settings.configuration.company.model_dump(mode="json"), settings.configuration.worklists.model_dump(exclude_unset=True),
                             sorted(calendars), sorted(map(str, holidays)), kinds(settings, ledger)]),
    )


def kinds(settings: Settings, ledger: ledgers.Ledger) -> list[str]:
    """The kinds of sources that this company has, or once had: the models of all others are switched off."""
    fed = {row["feeds"].partition(".")[0] for row in ledgers.list_batches(ledger)}
    return sorted(fed | {source.kind for source in settings.configuration.sources.values()})


def target_folder(settings: Settings) -> Path:
    """dbt's target beside the warehouse, so that two deployments of one checkout do not share it."""
    return settings.home / "dbt"


def models_file(settings: Settings) -> Path:
    """What the last build said of its models, by name: see `Node.model`."""
    return target_folder(settings) / "models.json"


def run_environment(
    settings: Settings, ledger: ledgers.Ledger, *, as_of: date, version: str, now: datetime, built_as_of: date | None = None,
) -> dict[str, str]:
    """What a night tells dbt. By environment and not by `--vars`: changed variables make dbt parse the project anew (26 s)."""
    company = settings.configuration.company
    return {
        "MERIDIAN_AS_OF": as_of.isoformat(), "MERIDIAN_TIME_ZONE": company.time_zone, "MERIDIAN_CURRENCY": company.currency,
        "MERIDIAN_DATA_VERSION": version, "MERIDIAN_CODE_REVISION": warehouses.project_fingerprint(settings.dbt_project),
        "MERIDIAN_BUILT_AT": now.isoformat(timespec="seconds"), "MERIDIAN_WAREHOUSE": settings.warehouse.name,
        "MERIDIAN_DBT_THREADS": str(settings.configuration.night.threads),
        "MERIDIAN_DBT_MEMORY": settings.configuration.night.memory, "MERIDIAN_KINDS": f",{','.join(kinds(settings, ledger))},",
        "MERIDIAN_SUGGESTIONS": "\n".join(company.suggestions), "MERIDIAN_ROBOTS": "\n".join(company.robots),
        "MERIDIAN_BUILT_AS_OF": built_as_of.isoformat() if built_as_of else "",
        "MERIDIAN_WORKLIST_LIMITS": settings.configuration.worklists.model_dump_json(exclude_unset=True),
    }


def run_dbt(
    settings: Settings, arguments: Sequence[str], *, told: Mapping[str, str], say: Callable[[str], None] = lambda line: None, stop: Stop | None = None,
) -> list[Node]:
    """Run dbt as a process of its own (in-process it would keep the warehouse locked) and return what became of each node.

    Raises BuildFailed when a node failed; the message of each stands in the text. Raises Stopped where `stop` was told.
    """
    stop, remembered, ended = stop or Stop(), target_folder(settings) / PARSED, list[str]()
    remembers = remembered.exists()

    def hear(outcome: str) -> None:
        ended.append(outcome)
        say(outcome)

    code, nodes, problems = _run_once(settings, arguments, told, hear, stop)
    if code == COULD_NOT_RUN and not ended and remembers:
        # After many files came and went at once (another release) dbt may miss models in what it remembers of its last parse.
        say("dbt could not begin; it looks at the whole project once more")
        remembered.unlink(missing_ok=True)
        code, nodes, problems = _run_once(settings, arguments, told, say, stop)
    nodes = [_with_examples(node, settings.warehouse) if node.asked else node for node in nodes]
    failed = [node for node in nodes if node.status in ("error", "fail", "runtime error")]
    if code or failed:
        details = [f"{node.kind} {node.name}: {node.message}" for node in failed] or problems[-5:] or [f"dbt ended with code {code}"]
        raise BuildFailed("\n".join(_with_our_advice(detail, told.get("MERIDIAN_DBT_MEMORY", "")) for detail in details))
    return nodes


def _run_once(
    settings: Settings, arguments: Sequence[str], told: Mapping[str, str], say: Callable[[str], None], stop: Stop,
) -> tuple[int, list[Node], list[str]]:
    """(code that dbt's process ended with, what became of each node, what dbt said of errors)."""
    stop.check()
    target = target_folder(settings)
    for folder in (target, settings.warehouse.parent):
        folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, "-m", "flows.dbt_process", str(os.getpid()), str(settings.home / "logs"), str(settings.warehouse.parent), *arguments,
        "--project-dir", str(settings.dbt_project), "--profiles-dir", str(settings.dbt_project), "--target-path", str(target),
    ]
    environment = {
        **{name: value for name, value in os.environ.items() if name not in settings_secrets(settings)}, **QUIET, **told,
    }
    nodes: list[Node] = []
    problems: list[str] = []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=PROJECT)
    assert process.stdout is not None
    try:
        with stop.at_once(process.kill):
            for line in process.stdout:
                _relay(line, say, problems, nodes)
            code = process.wait()
        stop.check()
    except BaseException:
        process.kill()
        process.wait()
        raise
    return code, nodes, problems


def _with_our_advice(detail: str, memory: str) -> str:
    """What DuckDB advises whoever has used all memory is no setting of ours."""
    if "Out of Memory Error" not in detail:
        return detail
    said = detail.partition("Possible solutions")[0].rstrip()
    return f"{said}\n  a build may use {memory} of memory: let it have more (memory under [night] in meridian.toml) and run again"


def _with_examples(node: Node, warehouse: Path) -> Node:
    """A test that found something, with the first of what it found: dbt says how many rows there are and none of them."""
    try:
        with warehouses.connect(warehouse, read_only=True) as connection:
            answer = connection.execute(f"select * from ({node.asked}) as found limit {EXAMPLES}")
            names = [column[0] for column in answer.description]
            rows = [", ".join(f"{name} {_short(value)}" for name, value in zip(names, row, strict=True) if value is not None) for row in answer.fetchall()]
    except duckdb.Error:        # a table that was taken away meanwhile, or a function that only the builder has
        return node
    return replace(node, message=f"{node.message}: {'; '.join(rows)}") if rows else node


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST_EXAMPLE else f"{text[:LONGEST_EXAMPLE]}…"


def settings_secrets(settings: Settings) -> set[str]:
    """Names of the environment variables that sources read their keys from, targets, PostgreSQL, ledger and store are written to with, and personal data is
    hashed with: dbt has no business with them."""
    configuration = settings.configuration
    targets = {f"MERIDIAN_{name.upper()}_" for name in configuration.automations.targets}
    state = configuration.state
    urls = (configuration.publish.postgres.url_env, configuration.warehouse.postgres.url_env, state.ledger_env, *state.store_secrets.values())
    named = {KEY_VARIABLE} | {url for url in urls if url}
    return named | {name for name in settings.secrets if any(name.startswith(beginning) for beginning in targets)} | {
        str(value) for source in settings.configuration.sources.values() for option, value in source.options.items() if option.endswith("_env")
    }


def _relay(line: str, say: Callable[[str], None], problems: list[str], nodes: list[Node]) -> None:
    try:
        event = json.loads(line)
        if "node" in event:
            nodes.append(Node(**event["node"]))
            return
        level, name, message = event["level"], event["name"], event["message"]
    except (json.JSONDecodeError, TypeError, KeyError):
        problems.append(line.strip())
        return
    if level == "error" and message not in problems:
        problems.append(message)
    if name in OUTCOMES:
        say(message)


def build(
    settings: Settings, ledger: ledgers.Ledger, *, as_of: date, version: str, now: datetime, rebuild: bool = False,
    say: Callable[[str], None] = lambda line: None, stop: Stop | None = None,
) -> Built:
    """Absorb what landed and build every mart. On return the warehouse holds marts as of the end of `as_of`, tested. Raises BuildFailed, Stopped."""
    started = time.monotonic()
    prepared = prepare(settings, ledger, as_of=as_of, now=now, rebuild=rebuild)
    told = run_environment(settings, ledger, as_of=as_of, version=version, now=now, built_as_of=prepared.built_as_of)
    told["MERIDIAN_IS_AUDIT"] = "yes" if prepared.is_audit else ""
    models = models_file(settings)
    models.unlink(missing_ok=True)
    what = _what_to_build(settings, ledger, prepared)
    nodes = run_dbt(settings, ["build", *what, "--exclude-resource-type", "unit_test", "--no-write-json"], told=told, say=say, stop=stop)
    models.write_text(json.dumps({node.name: node.model for node in nodes if node.model}), encoding="utf-8")
    warehouses.mark_absorbed(settings.warehouse, prepared)
    return Built(
        nodes=tuple(nodes), new_batches=sum(map(len, prepared.new.values())), is_rebuild=prepared.is_rebuild, held=tuple(prepared.held),
        seconds=round(time.monotonic() - started, 3),
    )


def _what_to_build(settings: Settings, ledger: ledgers.Ledger, prepared: warehouses.Prepared) -> list[str]:
    """dbt's arguments: everything, or what a night that keeps the rest has to look at.

    A staging model of which nothing landed stays as it is. An audit, once a week, takes the second route to every number, which reads the whole
    history, and asks of whole tables what was asked of their rows as they were written.
    """
    is_partial = any(source.read_from for source in settings.configuration.sources.values())
    if prepared.is_whole:
        return ["--full-refresh", "--exclude", *ASKED_AS_WRITTEN, *(OF_A_WHOLE_HISTORY if is_partial else [])]
    readers, on = warehouses.staging_readers(settings.dbt_project), kinds(settings, ledger)
    left_out = [readers[one] for one in prepared.idle if one in readers and one[0] in on]
    if is_partial:
        left_out += OF_A_WHOLE_HISTORY
    elif not prepared.is_audit:
        left_out += [TWO_ROUTES]
    if not prepared.is_audit:
        left_out += ASKED_AS_WRITTEN
    return ["--exclude", *left_out] if left_out else []


def is_up_to_date(settings: Settings, ledger: ledgers.Ledger, *, code_revision: str) -> bool:
    """Whether the warehouse has absorbed every batch and nothing that defines the numbers has changed since `code_revision`."""
    return (
        code_revision == warehouses.project_fingerprint(settings.dbt_project)
        and not warehouses.unabsorbed(settings.warehouse, ledgers.list_batches(ledger))
    )
