"""A GraphQL document as a tree of what was selected: operations with variables, aliases, arguments and inline fragments. No directives, no named fragments."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TOKEN = re.compile(r'\s*(?:,|#[^\n]*|("(?:[^"\\]|\\.)*"|\.\.\.|-?\d+(?:\.\d+)?|\w+|[${}()\[\]:!=]))?')
WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None}


class Unreadable(Exception):
    """The document is no GraphQL that this parser knows."""


@dataclass(frozen=True, kw_only=True)
class Selected:
    """One field. on: the type of the inline fragment that it stands in, '' outside of one."""

    name: str
    alias: str
    arguments: Mapping[str, Any]
    fields: tuple[Selected, ...]
    on: str = ""


def is_mutation(document: str) -> bool:
    return document.lstrip().startswith("mutation")


def parse(document: str, variables: Mapping[str, Any]) -> tuple[Selected, ...]:
    """What the document's one operation selects at its root, variables put in. Raises Unreadable."""
    return _Parser(document, variables).document()


class _Parser:
    def __init__(self, document: str, variables: Mapping[str, Any]) -> None:
        self._tokens, self._at, self._variables = _tokens(document), 0, variables

    def document(self) -> tuple[Selected, ...]:
        if self._peek() in ("query", "mutation"):
            self._take()
            while self._peek() != "{":      # its name and its variables' types
                self._take()
        found = self._selection("")
        if self._at != len(self._tokens):
            raise Unreadable(f"unexpected {self._peek()!r}")
        return found

    def _selection(self, on: str) -> tuple[Selected, ...]:
        found: list[Selected] = []
        self._take("{")
        while self._peek() != "}":
            if self._peek() == "...":
                self._take("...")
                self._take("on")
                found += self._selection(self._take())
            else:
                found.append(self._field(on))
        self._take("}")
        return tuple(found)

    def _field(self, on: str) -> Selected:
        name = alias = self._take()
        if self._peek() == ":":
            self._take(":")
            name = self._take()
        arguments: dict[str, Any] = {}
        if self._peek() == "(":
            self._take("(")
            while self._peek() != ")":
                argument = self._take()
                self._take(":")
                arguments[argument] = self._value()
            self._take(")")
        fields = self._selection("") if self._peek() == "{" else ()
        return Selected(name=name, alias=alias, arguments=arguments, fields=fields, on=on)

    def _value(self) -> Any:
        first = self._take()
        if first == "$":
            return self._variables.get(self._take())
        if first == "[":
            values = []
            while self._peek() != "]":
                values.append(self._value())
            self._take("]")
            return values
        if first[0] in '"-0123456789':
            return json.loads(first)
        return WORDS.get(first, first)      # an enum's word

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, wanted: str | None = None) -> str:
        token = self._peek()
        if not token or (wanted is not None and token != wanted):
            raise Unreadable(f"expected {wanted or 'more'}, found {token!r}")
        self._at += 1
        return token


def _tokens(document: str) -> Sequence[str]:
    found, at = [], 0
    while at < len(document):
        match = TOKEN.match(document, at)
        if match is None or match.end() == at:
            raise Unreadable(f"unexpected {document[at]!r}")
        at = match.end()
        if match.group(1):
            found.append(match.group(1))
    return found
