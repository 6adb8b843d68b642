"""What dbt does for every node of a build, for less. What is built is the same.

A build of the whole project is 490 nodes that take DuckDB milliseconds and dbt 20 each. On empty sources it takes 6.6 s of CPU from nothing instead of
8.2, and 7.8 as a night instead of 9.3 (in turns in one process, medians of 3, 2 cores at a load of 2 to 6; what each saves is of four other turns at a
higher load). What is replaced are functions of dbt-core 1.11, dbt-adapters 1.24 and parsedatetime that no documentation names, so each is held against
dbt's own by tests/flows/test_dbt_nodes.py: a dbt that works otherwise is noticed there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from flows.dbt_shortcuts import replaced


@contextmanager
def cheaper_nodes() -> Iterator[None]:
    """All of this module."""
    with ExitStack() as until:
        for shortcut in (flat_namespaces, macros_made_once, relations_by_name, calendars_when_asked):
            until.enter_context(shortcut())
        yield


@contextmanager
def flat_namespaces() -> Iterator[None]:
    """dbt makes two contexts for a node, and for each a generator of every one of 656 macros, six calls each, and finds each by name in up to five
    dictionaries to put it among what templates see. Here they are made in one loop, and the dictionaries are laid over each other.

    A macro under another package's name, or two of one name, are left to dbt, which says what is wrong. 0.6 s of CPU of a night's 11.4.
    """
    from dbt.clients.jinja import MacroGenerator
    from dbt.context.macros import MacroNamespace, MacroNamespaceBuilder
    from dbt.context.manifest import ManifestContext

    add_each, put_each, new = MacroNamespaceBuilder.build_namespace, ManifestContext.to_dict, object.__new__

    def generators(name: str, package: dict[str, Any], builder: Any, context: dict[str, Any]) -> dict[str, Any] | None:
        node, stack, made = builder.node, builder.thread_ctx, {}
        for macro in package.values():
            if macro.package_name != name:
                return None
            made[macro.name] = one = new(MacroGenerator)
            one.context, one.macro, one.node, one.stack = context, macro, node, stack
        return made if len(made) == len(package) else None

    def build(self: Any, macros_by_package: dict[str, dict[str, Any]], ctx: dict[str, Any]) -> Any:
        made = {name: generators(name, package, self, ctx) for name, package in macros_by_package.items() if package}
        if None in made.values() or self.packages or self.internal_packages:
            return add_each(self, macros_by_package, ctx)
        for name, package in made.items():
            (self.internal_packages if name in self.internal_package_names else self.packages)[name] = package
        self.locals.update(self.packages.get(self.search_package, {}))
        if self.root_package != self.search_package:
            self.globals.update(self.packages.get(self.root_package, {}))
        internal: dict[str, Any] = {}
        for name in reversed(self.internal_package_names_order):        # the first of them wins
            internal.update(self.internal_packages.get(name, {}))
        return MacroNamespace(self.globals, self.locals, internal, self.packages)

    def put(self: Any) -> Any:
        if type(self.namespace) is not MacroNamespace:
            return put_each(self)
        context = super(ManifestContext, self).to_dict()
        for part in reversed(list(self.namespace._search_order())):     # the first of them wins
            context.update(part)
        return context

    with replaced(MacroNamespaceBuilder, build_namespace=build), replaced(ManifestContext, to_dict=put):
        yield


@contextmanager
def macros_made_once() -> Iterator[None]:
    """A macro is called through a module, made of its template for each call; 8,300 of a build's 29,000 calls are the first of their generator.

    The function in that module is kept with the generator: a macro's template holds nothing else, and a name that is not the macro's own is looked up in
    the generator's context when the function runs (tests/dbt_project/test_project_rules.py looks at every template). 0.6 s of CPU of a night's 11.4.
    """
    from dbt_common.clients.jinja import CallableMacroGenerator

    make = CallableMacroGenerator.get_macro

    def get(self: Any) -> Any:
        kept = self.__dict__.get("made")
        if kept is None or kept[0] is not self.context or kept[1] is not self.macro:
            self.made = kept = self.context, self.macro, make(self)
        return kept[2]

    with replaced(CallableMacroGenerator, get_macro=get):
        yield


@contextmanager
def relations_by_name() -> Iterator[None]:
    """To find a relation dbt compares it with all of its schema by three names, lower-cased for each: with the square of the number of models.

    Only what is called so in some spelling is compared by all three; nothing else can match, or nearly match, which is an error. A name that is missing
    or no text is left to dbt. There is no index to be kept: the cache of relations is gone through as before. 0.6 s of CPU of a night's 11.4.
    """
    from dbt.adapters.base.impl import BaseAdapter
    from dbt.adapters.base.relation import BaseRelation
    from dbt.adapters.cache import RelationsCache
    from dbt.adapters.exceptions.cache import NoneRelationFoundError
    from dbt_common.utils.formatting import lowercase

    compare, matches = BaseAdapter._make_match, BaseRelation.matches

    def called(relation: Any, name: str) -> bool:
        own, quote = relation.path.identifier, relation.quote_character
        return type(relation).matches is not matches or (own is not None and own.lower().strip(quote) == name.strip(quote))

    def of_schema(self: Any, database: str | None, schema: str | None) -> list[Any]:
        wanted = lowercase(database), lowercase(schema)
        with self.lock:
            found = [one.inner for key, one in self.relations.items() if key[:2] == wanted]     # keys are lower case
        if any(one is None for one in found):
            raise NoneRelationFoundError
        return found

    def compare_few(self: Any, relations_list: list[Any], database: Any, schema: Any, identifier: Any) -> Any:
        if isinstance(database, str) and isinstance(schema, str) and isinstance(identifier, str):
            name = identifier.lower()
            relations_list = [one for one in relations_list if called(one, name)]
        return compare(self, relations_list, database, schema, identifier)

    with replaced(RelationsCache, get_relations=of_schema), replaced(BaseAdapter, _make_match=compare_few):
        yield


class Later:
    """Is made when something of it is asked for."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make, self._made = make, None

    def thing(self) -> Any:
        if self._made is None:
            self._made = self._make()
        return self._made

    def __getattr__(self, name: str) -> Any:
        return getattr(self.thing(), name)


@contextmanager
def calendars_when_asked() -> Iterator[None]:
    """An answer of DuckDB becomes a table of agate's, and so does no answer. For each, agate makes two calendars to read dates from text, a millisecond;
    DuckDB answers with dates. A calendar is made when a text is read with it. 0.2 s of CPU of a night's 11.4."""
    import parsedatetime

    constants, calendar = parsedatetime.Constants, parsedatetime.Calendar

    def constants_later(localeID: str | None = None, **named: Any) -> Any:
        return constants(localeID=localeID, **named) if localeID or named else Later(constants)

    def calendar_later(constants: Any = None, **named: Any) -> Any:
        return Later(lambda: calendar(constants=constants.thing(), **named)) if isinstance(constants, Later) else calendar(constants=constants, **named)

    with replaced(parsedatetime, Constants=constants_later, Calendar=calendar_later):
        yield
