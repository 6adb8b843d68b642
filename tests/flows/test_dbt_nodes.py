"""What dbt does for a node more cheaply comes out as it did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import agate
import parsedatetime
import pytest
from agate.data_types import Date, DateTime
from dbt.adapters.base.impl import BaseAdapter
from dbt.adapters.cache import RelationsCache
from dbt.adapters.duckdb.relation import DuckDBRelation
from dbt.adapters.exceptions.cache import NoneRelationFoundError
from dbt.adapters.reference_keys import _make_ref_key
from dbt.clients.jinja import MacroGenerator, MacroStack
from dbt.context.configured import ConfiguredContext
from dbt.context.macros import MacroNamespace, MacroNamespaceBuilder
from dbt.context.manifest import ManifestContext
from dbt.exceptions import DuplicateMacroNameError
from dbt_common.clients.agate_helper import empty_table, table_from_data_flat
from dbt_common.clients.jinja import CallableMacroGenerator, template_cache

from flows.dbt_nodes import Later, calendars_when_asked, cheaper_nodes, flat_namespaces, macros_made_once, relations_by_name

INTERNAL = ["dbt_duckdb", "dbt"]        # the adapter's macros win
BOTH = pytest.mark.parametrize("root", ["project", "package", "elsewhere"])


def macro(package: str, name: str, text: str = "") -> Any:
    text = text or f"{{% macro {name}() %}}{package}{{% endmacro %}}"
    return SimpleNamespace(package_name=package, name=name, unique_id=f"macro.{package}.{name}", original_file_path="macros.sql", macro_sql=text)


def by_package(*macros: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for one in macros:
        found.setdefault(one.package_name, {})[one.name] = one
    return found


MACROS = by_package(
    *(macro("dbt", name) for name in ("run_hooks", "default", "same", "package", "local", "rooted")),
    *(macro("dbt_duckdb", name) for name in ("default", "same")),
    *(macro("project", name) for name in ("same", "local", "rooted", "dbt", "package")),
    *(macro("package", name) for name in ("same", "local", "only")),
    *(macro("third", name) for name in ("same", "third_only", "project")),
)


class Context(ManifestContext):
    """As dbt makes one, of macros that are given."""

    def __init__(self, macros: dict[str, dict[str, Any]], root: str, search: str) -> None:
        ConfiguredContext.__init__(self, SimpleNamespace(cli_vars={"a": 1}, to_target_dict=dict, project_name=root, credentials=None))  # type: ignore[arg-type]
        self.builder = MacroNamespaceBuilder(root, search, STACK, INTERNAL, NODE)
        self.search_package, self.macro_stack, self.namespace = search, STACK, self.builder.build_namespace(macros, self._ctx)

    def generate_builtins(self) -> dict[str, Any]:
        return {"target": "of dbt", "run_hooks": "of dbt", "plain": 1}


NODE, STACK = SimpleNamespace(depends_on=None), MacroStack()


def plain(value: Any, context: Any) -> Any:
    """A context, a namespace or a generator as what can be compared."""
    if isinstance(value, MacroGenerator):
        assert (type(value), set(vars(value))) == (MacroGenerator, {"context", "macro", "node", "stack"})
        assert value.context is context and value.node is NODE and value.stack is STACK
        return "macro", value.macro.unique_id, id(value.macro)
    if isinstance(value, dict) and value is not context:
        return {name: plain(one, context) for name, one in value.items()}
    return "itself" if value is context else value


@BOTH
@pytest.mark.parametrize("search", ["project", "package", "third", "dbt", "elsewhere"])
def test_a_context_holds_the_same_macros(root: str, search: str) -> None:
    def made() -> Any:
        context = Context(MACROS, root, search)
        space, builder = context.namespace, context.builder
        parts = [space.global_namespace, space.local_namespace, space.packages, space.global_project_namespace]
        builders = [builder.globals, builder.locals, builder.packages, builder.internal_packages]
        found = [(name, [plain(space.get_from_package(package, name), context._ctx) for package in (None, "dbt")]) for name in sorted(space)]
        return plain(dict(context.to_dict()), context._ctx), [plain(part, context._ctx) for part in (*parts, *builders)], found

    before = made()
    with flat_namespaces():
        assert made() == before
    assert before[0]["same"][1] == f"macro.{search if search in ('project', 'package', 'third') else root if root != 'elsewhere' else 'dbt_duckdb'}.same"
    assert before[0]["target"] == "of dbt"


def test_the_same_generator_stands_under_all_its_names() -> None:
    for shortcut in (nullcontext(), flat_namespaces()):
        with shortcut:
            context = Context(MACROS, "project", "project")
            all_names = context.to_dict()
            assert all_names["local"] is context.namespace.packages["project"]["local"] is context.namespace.local_namespace["local"]
            assert all_names["run_hooks"] is context.namespace.global_project_namespace["run_hooks"]


def test_macros_that_contradict_each_other_are_refused_as_before() -> None:
    twice = by_package(macro("project", "one"))
    twice["project"]["another"] = macro("project", "one")
    strayed = {"project": {"one": macro("package", "one")}, "package": {"other": macro("package", "other")}}
    for shortcut in (nullcontext(), flat_namespaces()):
        with shortcut:
            with pytest.raises(DuplicateMacroNameError):
                Context(twice, "project", "project")
            assert set(Context(strayed, "project", "package").namespace.packages) == {"package"}
            builder = MacroNamespaceBuilder("project", "project", STACK, INTERNAL, NODE)
            builder.build_namespace(MACROS, {})
            with pytest.raises(DuplicateMacroNameError):
                builder.build_namespace(MACROS, {})


def test_what_is_no_namespace_of_all_macros_is_put_by_dbt() -> None:
    class Mine(MacroNamespace):
        def __getitem__(self, key: str) -> Any:
            return "mine"

    context = Context(MACROS, "project", "project")
    context.namespace = Mine({"a": 1}, {}, {}, {})  # type: ignore[dict-item]
    with flat_namespaces():
        assert context.to_dict()["a"] == "mine"


@pytest.fixture
def run_templates(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    made, ran = CallableMacroGenerator.get_macro, []

    def noting(self: Any) -> Any:
        ran.append(self.macro.name)
        return made(self)

    monkeypatch.setattr(CallableMacroGenerator, "get_macro", noting)
    return ran


def test_a_macro_is_made_once_and_sees_what_its_context_holds_when_it_runs(run_templates: list[Any]) -> None:
    text = "{% macro says(word='', words=others) %}{{ name }} {{ word }} {{ words }}{% if word %} {{ says() }}{% endif %}{% endmacro %}"

    def said() -> list[str]:
        context: dict[str, Any] = {"name": "first", "others": 1}
        context["says"] = one = MacroGenerator(macro("project", "says", text), context, None, STACK)
        answers = [one("a")]
        context |= {"name": "second", "others": 2}
        answers += [one("b"), one(words=3)]
        one.context = {**context, "name": "third"}
        return [*answers, one("c")]

    template_cache.clear()
    before, count = said(), len(run_templates)
    assert (before, count) == (["first a 1 first  1", "second b 2 second  2", "second  3", "third c 2 third  2"], 7)
    run_templates.clear()
    with macros_made_once():
        assert said() == before
    assert len(run_templates) == 2, "once for each context"


def test_a_macro_that_fails_fails_again() -> None:
    one = MacroGenerator(macro("project", "bad", "{% macro bad(x) %}{{ x + 1 }}{% endmacro %}"), {}, None, STACK)
    with macros_made_once():
        for _ in range(2):
            with pytest.raises(Exception, match="can only concatenate|unsupported operand|NoneType"):
                one("a")
        assert one(2) == "3"
        with pytest.raises(Exception, match="takes no keyword argument"):
            one(y=1)
    assert STACK.depth == 0


QUOTED = {"database": True, "schema": True, "identifier": True}
UNQUOTED = dict.fromkeys(QUOTED, False)
NAMES = ["kpi", "KPI", '"kpi"', "kpi_values", "k", "", "None", "strasse", "STRASSE", " kpi"]


def relation(schema: str, identifier: str | None, **named: Any) -> Any:
    return DuckDBRelation.create(database="warehouse", schema=schema, identifier=identifier, **named)


class Adapter:
    """As much of an adapter as looks for relations."""

    Relation = DuckDBRelation
    _make_match, _make_match_kwargs = BaseAdapter._make_match, BaseAdapter._make_match_kwargs

    def __init__(self, quoting: dict[str, bool], relations: list[Any]) -> None:
        self.config, self.cache = SimpleNamespace(quoting=quoting), RelationsCache()
        for one in relations:
            self.cache.add(one)

    def list_relations(self, database: str, schema: str) -> list[Any]:
        return self.cache.get_relations(database, schema)

    def get_relation(self, *names: Any) -> Any:
        found = getattr(BaseAdapter.get_relation, "__wrapped__", BaseAdapter.get_relation)
        return found(self, *names)


def test_any_name_is_found_or_missed_or_refused_as_before() -> None:
    relations = [relation("marts", name) for name in NAMES if name] + [relation("Marts", "kpi_x"), relation("staging", "kpi"), relation("marts", None)]
    relations += [relation("marts", "Made", dbt_created=True, quote_policy=UNQUOTED), relation("marts", "MADE_quoted", dbt_created=True, quote_policy=QUOTED)]

    def all_answers() -> list[Any]:
        answers: list[Any] = []
        for quoting in (QUOTED, UNQUOTED):
            adapter = Adapter(quoting, relations)
            alone = Adapter(quoting, [relation("marts", "Kpi")])
            for asked in (adapter, alone):
                for database in ("warehouse", "WAREHOUSE", "other"):
                    for schema in ("marts", "MARTS", "staging", "none"):
                        answers += [answer(asked, database, schema, name) for name in [*NAMES, "made", "MADE", "made_quoted", None]]
                answers += [answer(asked, None, "marts", "kpi"), answer(asked, "warehouse", None, "kpi"), answer(asked, "warehouse", "marts", 3)]
        return answers

    before = all_answers()
    with relations_by_name():
        assert all_answers() == before
    assert {kind for kind, _ in before} >= {"NoneType", "DuckDBRelation", "ApproximateMatchError", "AttributeError"}


def answer(adapter: Adapter, *names: Any) -> tuple[str, str]:
    try:
        found = adapter.get_relation(*names)
    except Exception as error:
        return type(error).__name__, str(error)
    return type(found).__name__, str(found and found.to_dict())


def test_two_of_one_name_are_refused_as_before() -> None:
    adapter = Adapter(QUOTED, [])
    adapter.list_relations = lambda *_: [relation("marts", "kpi"), relation("marts", "kpi"), relation("marts", "other")]  # type: ignore[method-assign]
    before = answer(adapter, "warehouse", "marts", "kpi")
    with relations_by_name():
        assert answer(adapter, "warehouse", "marts", "kpi") == before
    assert before[0] == "RelationReturnedMultipleResultsError"


def test_what_is_made_dropped_and_renamed_in_a_build_is_known_at_once() -> None:
    def lived() -> Iterator[Any]:
        adapter = Adapter(UNQUOTED, [relation("marts", "kpi"), relation("marts", "other")])
        look = ("warehouse", "marts")
        yield answer(adapter, *look, "new")
        adapter.cache.add(relation("Marts", "new"))
        yield answer(adapter, *look, "new")
        adapter.cache.rename(relation("marts", "new"), relation("MARTS", "Newer"))
        yield from (answer(adapter, *look, "new"), answer(adapter, "warehouse", "MARTS", "Newer"), answer(adapter, *look, "newer"))
        adapter.cache.rename(relation("marts", "kpi"), relation("staging", "kpi"))
        yield from (answer(adapter, *look, "kpi"), answer(adapter, "warehouse", "staging", "kpi"))
        adapter.cache.add_link(relation("marts", "other"), relation("staging", "kpi"))
        adapter.cache.drop(relation("marts", "other"))
        yield from (answer(adapter, *look, "other"), answer(adapter, "warehouse", "staging", "kpi"))
        yield [str(one) for one in adapter.list_relations("WAREHOUSE", "marts")]
        adapter.cache.drop_schema("warehouse", "marts")
        yield adapter.list_relations(*look)
        gone: Any = SimpleNamespace(inner=None, database="warehouse", schema="marts")
        adapter.cache.relations[_make_ref_key(relation("marts", "gone"))] = gone
        with pytest.raises(NoneRelationFoundError):
            adapter.list_relations(*look)

    before = list(lived())
    with relations_by_name():
        assert list(lived()) == before


def test_a_relation_that_compares_in_its_own_way_is_asked() -> None:
    class Other(DuckDBRelation):
        def matches(self, **_: Any) -> bool:
            return True

    adapter = Adapter(QUOTED, [])
    other = Other.create(database="warehouse", schema="marts", identifier="something else")
    with relations_by_name():
        assert adapter._make_match([other, relation("marts", "a")], "warehouse", "marts", "kpi") == [other]  # type: ignore[call-arg, arg-type, misc]


def test_tables_are_the_same_and_make_no_calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"name": "a", "count": 1, "on": "2026-11-01", "rate": None}, {"name": "", "count": None, "on": "null", "rate": 0.5}]

    def tables() -> list[Any]:
        made = [empty_table(), table_from_data_flat(rows, ["name", "count", "on", "rate"]), table_from_data_flat([], ["a", "b"])]
        return [(table.column_names, [type(kind) for kind in table.column_types], [tuple(row) for row in table.rows]) for table in made]

    before = tables()
    monkeypatch.setattr(parsedatetime.Calendar, "__init__", lambda *_, **__: pytest.fail("made a calendar"))
    with calendars_when_asked():
        assert tables() == before
    with pytest.raises(BaseException, match="made a calendar"):
        empty_table()


def test_texts_are_read_as_the_same_dates() -> None:
    texts = ["2026-11-01", "1 November 2026", "November 1st", "tomorrow", "nothing of the kind", "2026-11-01 02:30", "2026-11-01T02:30:00Z", None]

    def read() -> list[Any]:
        answers: list[Any] = []
        for kind in (Date(), DateTime(), Date(locale="de_DE"), Date(date_format="%Y-%m-%d")):
            for text in texts:
                try:
                    answers.append(kind.cast(text))
                except agate.exceptions.CastError as error:
                    answers.append(str(error))
        return answers

    before = read()
    with calendars_when_asked():
        assert read() == before
        assert isinstance(Date()._parser, Later)
        assert Date()._parser.version == parsedatetime.VERSION_CONTEXT_STYLE
        parser = Date()._parser
    assert type(parser.ptc) is parsedatetime.Constants


def test_dbt_is_as_it_was_afterwards() -> None:
    owners = (MacroNamespaceBuilder, ManifestContext, CallableMacroGenerator, BaseAdapter, RelationsCache, parsedatetime)
    before = [dict(vars(owner)) for owner in owners]
    with cheaper_nodes():
        assert all(dict(vars(owner)) != kept for owner, kept in zip(owners, before, strict=True))
    assert [dict(vars(owner)) for owner in owners] == before
