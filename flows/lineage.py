"""OpenLineage: what a night read, built and published, told to a catalogue that collects it (`[lineage]` in meridian.toml).

    [lineage]
    url = "https://marquez.example.com"       # events go to <url>/api/v1/lineage; or endpoint = "/..."
    token_env = "LINEAGE_TOKEN"               # sent as a bearer token; in .env
    # file = "lineage.jsonl"                  # instead of url: one event a line
    # namespace = "meridian"                  # of our jobs
    # patience_seconds = 20                   # that a night gives to sending

A night is the run of the job `nightly`. Each stream that is read (`read.<source>.<stream>`), each dbt model that ran (`dbt.<model>`) and the publication
(`publish`) are runs of their own with it as their parent. Events are files under <home>/lineage before anything is sent, and stay until the collector has
taken them: one that is down costs a night a few seconds, and gets them the next night. After a kill some are sent twice, which the specification allows:
an event is told by its run and its type.

Sources: specification 2-0-2 (https://openlineage.io/spec/2-0-2/OpenLineage.json) and the facets named below. The project's own client is not used: four
shapes of JSON are less than its second HTTP stack, and it takes its settings from an environment that no meridian.toml names.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec
from uuid import NAMESPACE_URL, UUID, uuid5

import requests

from flows import exports
from flows.build import Node
from flows.ingest import StreamResult
from flows.settings import Settings
from flows.store import ledger as ledgers
from flows.store import published
from flows.store.disk import write_whole

PRODUCER = "urn:meridian:nightly"
SPECIFICATION = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
FACETS = {
    "parent": "https://openlineage.io/spec/facets/1-1-0/ParentRunFacet.json#/$defs/ParentRunFacet",
    "errorMessage": "https://openlineage.io/spec/facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet",
    "outputStatistics": "https://openlineage.io/spec/facets/1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet",
}
NIGHT = "nightly"
KEPT = timedelta(days=7)                  # after which what nobody took is let go
REFUSED = (400, 409, 413, 422)            # the collector will never take this one: it is left out, and said
LONGEST_MESSAGE = 500
ENDS = {"failed": "FAIL", "stopped by checks": "FAIL", "stopped": "ABORT", "cancelled": "ABORT"}
OF_NODES = {"success": "COMPLETE", "error": "FAIL", "fail": "FAIL"}         # dbt's words; what it skipped did not run

_Given = ParamSpec("_Given")
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Events. problem: why some wait; '' when none does."""

    sent: int = 0
    refused: int = 0
    waiting: int = 0
    problem: str = ""

    @property
    def sentence(self) -> str:
        parts = [f"{self.sent} events sent", f"{self.refused} refused" if self.refused else "", f"{self.waiting} wait: {self.problem}" if self.waiting else ""]
        return f"lineage: {', '.join(part for part in parts if part)}"


def _never_in_the_way(step: Callable[_Given, None]) -> Callable[_Given, None]:
    """What fails here fails no night: it is logged, and that step has no events."""

    @wraps(step)
    def careful(*given: _Given.args, **named: _Given.kwargs) -> None:
        settings: Any = given[0]
        if settings.configuration.lineage.is_wanted:
            try:
                step(*given, **named)
            except Exception as error:
                logging.getLogger(__name__).error(f"lineage: {type(error).__name__}: {error}")

    return careful


@_never_in_the_way
def begun(settings: Settings, run: str, at: datetime) -> None:
    """A night begins. Another one that never ended (killed) is told to be aborted."""
    for left in sorted(_folder(settings).glob("*.open")):
        if left.stem != run:
            _note(settings, "aborted", left.stem, at, [_event(settings, "ABORT", at, NIGHT, left.stem)])
            left.unlink()
    _note(settings, "begun", run, at, [_event(settings, "START", at, NIGHT, run)])
    write_whole(_folder(settings) / f"{run}.open", "")


@_never_in_the_way
def read(settings: Settings, run: str, streams: Sequence[StreamResult], at: datetime) -> None:
    events: list[Json] = []
    for one in streams:
        landed = _dataset(*_landing(settings, one.source, one.stream))
        landed["outputFacets"] = {"outputStatistics": _facet("outputStatistics", rowCount=one.records + one.deletes)}
        events += _of_a_step(
            settings, run, f"read.{one.source}.{one.stream}", at, one.seconds, "FAIL" if one.state == "failed" else "COMPLETE", one.failure or "",
            inputs=[_dataset(f"{one.kind}://{one.source}", one.stream)], outputs=[landed] if one.state != "failed" else [])
    _note(settings, "read", run, at, events)


@_never_in_the_way
def built(settings: Settings, ledger: ledgers.Ledger, run: str, nodes: Sequence[Node], at: datetime) -> None:
    """The models that ran. Their inputs are the models they read, and for a staging model what landed of the streams that feed its source."""
    parents, place = exports.parents(settings), _places(settings)
    fed: dict[str, set[tuple[str, str]]] = {}
    for row in ledgers.list_batches(ledger):
        fed.setdefault(row["feeds"], set()).add(_landing(settings, row["source"], row["stream"]))
    events: list[Json] = []
    for node in nodes:
        if node.kind != "model" or node.status not in OF_NODES:
            continue
        inputs = {named for parent in parents.get(node.name, ()) for named in (fed.get(parent, ()) if "." in parent else [place(parent)])}
        events += _of_a_step(settings, run, f"dbt.{node.name}", at, node.seconds, OF_NODES[node.status], node.message, inputs=_datasets(inputs),
                             outputs=_datasets([place(node.name)]))
    _note(settings, "built", run, at, events)


@_never_in_the_way
def told_readers(settings: Settings, run: str, at: datetime, seconds: float) -> None:
    """The current version, as it was published just now."""
    version = published.current(settings.published)
    if version is None:
        return
    place, tables = _places(settings), version.manifest["tables"]
    outputs = []
    for name, table in tables.items():
        made = _dataset(f"duckdb://{settings.published / 'marts.duckdb'}", name)
        outputs.append(made | {"outputFacets": {"outputStatistics": _facet("outputStatistics", rowCount=int(table["rows"]))}})
    _note(settings, "published", run, at, _of_a_step(
        settings, run, "publish", at, seconds, "COMPLETE", "", inputs=_datasets(place(name) for name in tables), outputs=outputs))


@_never_in_the_way
def ended(settings: Settings, run: str, state: str, message: str, at: datetime) -> None:
    kind = ENDS.get(state, "COMPLETE")
    _note(settings, "ended", run, at, [_event(settings, kind, at, NIGHT, run, failure=message if kind == "FAIL" else "")])
    (_folder(settings) / f"{run}.open").unlink(missing_ok=True)


def deliver(settings: Settings, *, tick: Callable[[], float] = time.monotonic) -> Delivery | None:
    """Send what waits, oldest first, for as long as `patience_seconds` says. None: nobody wants any, or none waits. Raises nothing."""
    if not settings.configuration.lineage.is_wanted:
        return None
    try:
        return _deliver(settings, tick)
    except Exception as error:
        return Delivery(waiting=waiting(settings), problem=f"{type(error).__name__}: {error}")


def waiting(settings: Settings) -> int:
    """Events that nobody has taken yet."""
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in _folder(settings).glob("*.jsonl"))


def _deliver(settings: Settings, tick: Callable[[], float]) -> Delivery | None:
    sent, refused, problem, end = 0, 0, "", tick() + settings.configuration.lineage.patience_seconds
    oldest = settings.clock() - KEPT
    files = sorted(_folder(settings).glob("*.jsonl"))
    with requests.Session() as session:
        for file in files:
            if file.name < f"{oldest.astimezone(UTC):%Y%m%dT%H%M%S}":
                file.unlink()
                continue
            lines = file.read_text(encoding="utf-8").splitlines()
            for done, line in enumerate(lines):
                problem = "the time for it is over" if tick() >= end else _send(settings, session, line)
                if problem == "refused":
                    refused, problem = refused + 1, ""
                elif problem:
                    write_whole(file, "\n".join(lines[done:]) + "\n")
                    return Delivery(sent=sent, refused=refused, waiting=waiting(settings), problem=problem)
                else:
                    sent += 1
            file.unlink()
    return Delivery(sent=sent, refused=refused) if files else None


def _send(settings: Settings, session: requests.Session, line: str) -> str:
    """'' when it was taken, 'refused' when it never will be, else why it was not. No address and no token is in it."""
    options = settings.configuration.lineage
    if options.file:
        with (settings.path.parent / options.file).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        return ""
    token = settings.secrets.get(options.token_env, "") if options.token_env else ""
    if options.token_env and not token:
        return f"{options.token_env} is not set"
    try:
        answer = session.post(options.address, data=line.encode(), timeout=(2, 5), allow_redirects=False, headers={
            "Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})})
    except requests.RequestException as error:
        return f"the collector does not answer ({type(error).__name__})"
    if 200 <= answer.status_code < 300:
        return ""
    return "refused" if answer.status_code in REFUSED else f"the collector answers {answer.status_code}"


def _note(settings: Settings, step: str, run: str, at: datetime, events: Sequence[Json]) -> None:
    folder = _folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{at.astimezone(UTC):%Y%m%dT%H%M%S%f}-{time.time_ns()}-{step}-{run}.jsonl"       # in the order in which they were noted
    write_whole(folder / name, "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in events))


def _of_a_step(
    settings: Settings, run: str, job: str, at: datetime, seconds: float, kind: str, failure: str, *, inputs: list[Json], outputs: list[Json],
) -> list[Json]:
    """START and end of a step within a night. at: when we heard of it, behind its end."""
    return [_event(settings, "START", at - timedelta(seconds=seconds), job, run, inputs=inputs),
            _event(settings, kind, at, job, run, inputs=inputs, outputs=outputs, failure=failure if kind == "FAIL" else "")]


def _event(
    settings: Settings, kind: str, at: datetime, job: str, run: str, *, inputs: Sequence[Json] = (), outputs: Sequence[Json] = (), failure: str = "",
) -> Json:
    namespace, facets = settings.configuration.lineage.namespace, {}
    if job != NIGHT:
        facets["parent"] = _facet("parent", run={"runId": _run_id(run, NIGHT)}, job={"namespace": namespace, "name": NIGHT})
    if failure:
        facets["errorMessage"] = _facet("errorMessage", message=failure[:LONGEST_MESSAGE], programmingLanguage="PYTHON")
    return {
        "eventType": kind, "eventTime": at.isoformat(), "producer": PRODUCER, "schemaURL": SPECIFICATION, "run": {"runId": _run_id(run, job), "facets": facets},
        "job": {"namespace": namespace, "name": job}, "inputs": list(inputs), "outputs": list(outputs)}


def _run_id(run: str, job: str) -> str:
    """A night is called as in Prefect; its steps, and a night of another name, by an id that follows from it."""
    if job == NIGHT:
        try:
            return str(UUID(run))
        except ValueError:
            pass
    return str(uuid5(NAMESPACE_URL, f"{run}/{job}"))


def _facet(name: str, **content: Any) -> Json:
    return {"_producer": PRODUCER, "_schemaURL": FACETS[name], **content}


def _landing(settings: Settings, source: str, stream: str) -> tuple[str, str]:
    return "file", str(settings.landing / source / stream)


def _places(settings: Settings) -> Callable[[str], tuple[str, str]]:
    """Model -> namespace and name of its table, as the last build told."""
    told: Mapping[str, Any] = json.loads(exports.models_file(settings).read_text(encoding="utf-8")) if exports.models_file(settings).exists() else {}

    def place(model: str) -> tuple[str, str]:
        known = told.get(model, {})
        return f"duckdb://{settings.warehouse}", f"{known.get('schema') or 'main'}.{known.get('alias') or model}"

    return place


def _datasets(named: Iterable[tuple[str, str]]) -> list[Json]:
    return [_dataset(*one) for one in sorted(set(named))]


def _dataset(namespace: str, name: str) -> Json:
    return {"namespace": namespace, "name": name}


def _folder(settings: Settings) -> Path:
    return settings.home / "lineage"
