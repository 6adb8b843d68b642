"""Personal data: dropped, hashed or kept before it lands, by what streams declare (`Stream.personal`) and what the configuration chooses.

What becomes of a field is told by its own record alone: a person is the same token wherever he comes by, and joins and counts by person still work.
What is personal in a landed key makes the whole key a token: records, tombstones and sweeps name it alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from operator import is_
from typing import Any, Literal, get_args

from connectors.stream import Kind, Misconfigured, Personal, Record, Stream
from connectors.tokens import tokens

Treatment = Literal["keep", "hash", "drop"]
TREATMENTS: Sequence[str] = get_args(Treatment)
DECLARABLE: Sequence[str] = get_args(Kind)
KINDS: Sequence[str] = tuple(kind for kind in DECLARABLE if kind != "impersonal")
KEY_VARIABLE = "MERIDIAN_PERSONAL_KEY"
SHORTEST_KEY = 32                # characters: of hexadecimal digits that is 128 bits
DOCUMENT_NUMBER = r"^(?-i:[A-Z]{1,6}[-_#]?\d{1,10})$"    # SO00017: a thing's number, by which a ticket is joined to its order
LIST_ENTRY = r"^(?-i:[a-z][a-z/&-]*(?: [a-z/&-]+){0,4})$"       # 'price too high': one out of a list, by its looks; a name has a capital
ANY: frozenset[str] = frozenset()                        # of Personal.unless: whatever the field beside says
_REMEMBERED = 100                # characters: addresses and names come again and again, messages do not
_MOST_REMEMBERED = 1 << 13
_UNKNOWN: Any = object()

Treat = Callable[[str], str | None]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What a company chose for one source.

    choices: 'default', a kind, '<stream>' or '<stream>.<path>' -> keep, hash or drop; the narrowest counts. A path that the connector does not declare
        gets a kind instead, which declares it. own_domains: an address there is one of the company's own people, kind 'staff'.
    """

    choices: Mapping[str, str] = field(default_factory=dict)
    key: str = field(default="", repr=False)
    own_domains: frozenset[str] = frozenset()


KEEP_ALL = Policy(choices={"default": "keep"})


@dataclass(kw_only=True, slots=True)
class _Node:
    """A place in a record. treat: what happens to everything at and below it; unless, otherwise: when a field beside says so, what happens instead.

    named, rest: to the fields of an object. blunt: to a text that stands where an object was declared: what is personal in it cannot be told apart.
    """

    treat: Treat | None = None
    unless: Mapping[str, frozenset[str]] = field(default_factory=dict)
    otherwise: _Node | None = None
    named: dict[str, _Node] = field(default_factory=dict)
    rest: _Node | None = None
    blunt: Treat | None = None


@dataclass(frozen=True, kw_only=True)
class _Fate:
    """keep, hash or drop: of a field; of an address in it that is one of our own people's; of it when the field beside says that it is something else."""

    treatment: str
    own: str
    then: str = "keep"


@dataclass(frozen=True, kw_only=True)
class Guard:
    """What is done to the records of one stream. treatments: path -> keep, hash or drop, of everything that is declared.

    key_is: tells one key of the company's from another without telling it; '' where nothing is hashed.
    """

    treatments: Mapping[str, str]
    seals_keys: bool
    key_is: str = ""
    _root: _Node | None
    _seal: Treat | None

    def record(self, record: Record) -> Record:
        """The record as it may land; the same object when nothing in the stream is personal."""
        return record if self._root is None else _treated_object(record, self._root)

    def key(self, landed_key: str) -> str:
        """The key as it may land. Half a character (a lone surrogate) becomes U+FFFD in it as in the landed record."""
        key = str(self._seal(landed_key)) if self.seals_keys and self._seal else landed_key
        return key if key.isascii() else key.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def guard(source: str, stream: Stream, policy: Policy) -> Guard:
    """Raises Misconfigured when something must be hashed and there is no key."""
    declared = declarations(stream, policy.choices)

    def fate(path: str, kind: str) -> str:
        return "keep" if kind == "impersonal" else treatment_of(stream.name, path, kind, policy.choices)

    treatments = {path: fate(path, one.kind) for path, one in declared.items() if one.kind != "impersonal"}
    fates = {path: _Fate(treatment=fate(path, one.kind), own=fate(path, "staff") if one.kind == "email" and policy.own_domains else fate(path, one.kind),
                         then=fate(path, one.then)) for path, one in declared.items()}
    all_fates = {what for one in fates.values() for what in (one.treatment, one.own, one.then)}
    if all_fates <= {"keep"}:
        return Guard(treatments=treatments, seals_keys=False, _root=None, _seal=None)
    token = tokens(policy.key) if len(policy.key) >= SHORTEST_KEY else None
    seals = any(path in stream.key and {one.treatment, one.own} != {"keep"} for path, one in fates.items())
    if token is None and (seals or "hash" in all_fates):
        raise Misconfigured(
            f"personal data is to be hashed, and {KEY_VARIABLE} is {f'shorter than {SHORTEST_KEY} characters' if policy.key else 'not set'}", source=source,
            stream=stream.name, mend=f"put a line {KEY_VARIABLE}=... into .env, its value from `openssl rand -hex 32`, and keep a copy of it in a safe place",
        )
    root = _Node()
    for path, one in declared.items():
        what = fates[path]
        if {what.treatment, what.own, what.then} == {"keep"} and not any(other != path and _covers(other, path) for other in declared):
            continue
        leaf = _Node(treat=_treat(what, one, policy.own_domains, token), unless=one.unless,
                     otherwise=_Node(treat=_treat(_Fate(treatment=what.then, own=what.then), Personal(kind=one.then), frozenset(), token)))
        _plant(root, _parts(path), leaf, blunt=_treat(_Fate(treatment=what.treatment, own=what.treatment), Personal(kind="text"), frozenset(), token))
        if "." in path:                                   # a flat file may have a column of this very name
            root.named.setdefault(path, leaf)
    if token is None:
        return Guard(treatments=treatments, seals_keys=False, _root=root, _seal=None)
    return Guard(treatments=treatments, seals_keys=seals, key_is=token("which key is it?"), _root=root, _seal=lambda key: token(key, ""))


def sealer(source: str, policy: Policy) -> Callable[[Stream, str], str]:
    """(stream, landed key) -> the key as it may be kept."""
    of = lru_cache(maxsize=None)(lambda stream: guard(source, stream, policy))
    return lambda stream, key: of(stream).key(key)


# ---- what is declared, and what was chosen

def declarations(stream: Stream, choices: Mapping[str, str]) -> dict[str, Personal]:
    """path -> what is personal there: as the stream declares it, and as the configuration adds to it."""
    declared = {path: one if isinstance(one, Personal) else Personal(kind=one) for path, one in stream.personal.items()}
    for choice, what in choices.items():
        name, _, path = choice.partition(".")
        if name != stream.name or not path:
            continue
        if what in DECLARABLE:
            declared[path] = Personal(kind=what)  # type: ignore[arg-type]
        elif path not in declared and (above := _covering(path, declared)):      # of what is declared as a whole, this part
            declared[path] = declared[above]
    return declared


def of_table(feeds: str) -> dict[str, Kind | Personal]:
    """What is personal in '<kind>.<table>' when its own connector reads it: a dropped export, or a replica, of the same table has the same in it."""
    from connectors import registry

    kind, _, table = feeds.partition(".")
    known = {stream.name: stream for stream in registry.streams(kind)} if kind in registry.KINDS else {}
    return dict(known[table].personal) if table in known else {}


def declared_by_hand(source: str, stream: str, personal: Any) -> dict[str, Kind | Personal]:
    """A source's own `personal = { column = kind }`, checked. Raises Misconfigured."""
    if not isinstance(personal, Mapping):
        raise Misconfigured(f"personal is {personal!r}", source=source, stream=stream, mend='write for instance personal = { agent = "email" }')
    for column, kind in personal.items():
        if kind not in DECLARABLE:
            near = get_close_matches(str(kind), DECLARABLE, n=1)
            raise Misconfigured(f"personal {column} is {kind!r}", source=source, stream=stream,
                                mend=f"did you mean {near[0]!r}?" if near else "use one of " + ", ".join(DECLARABLE))
    return dict(personal)


def is_declared(stream: Stream, choices: Mapping[str, str], path: str) -> bool:
    """Whether somebody has said what a field tells of a person, be it nothing. path: without [] for lists."""
    return _covering(path, declarations(stream, choices)) is not None


def treatment_of(stream: str, path: str, kind: str, choices: Mapping[str, str]) -> str:
    """The narrowest choice that says something of this field."""
    default = "keep" if kind == "staff" else choices.get("default", "hash")
    return next((choices[name] for name in (f"{stream}.{path}", stream, kind) if choices.get(name) in TREATMENTS), default)


def wrong_choices(choices: Mapping[str, str], streams: Iterable[Stream]) -> dict[str, Sequence[str]]:
    """choice that names nothing personal, or not one thing -> what could have been named."""
    known = {stream.name: stream for stream in streams}
    paths = sorted(f"{stream.name}.{path}" for stream in known.values() for path in stream.personal)
    names = sorted({"default", *KINDS, *(name for name, stream in known.items() if stream.personal)} - (known.keys() & {"default", *KINDS}))
    wrong: dict[str, Sequence[str]] = {}
    for choice, what in choices.items():
        name, _, path = choice.partition(".")
        if not path:
            if choice not in names and choice not in known.keys() - {"default", *KINDS}:
                wrong[choice] = names
        elif name not in known or not (what in DECLARABLE or _covering(path, known[name].personal)):
            wrong[choice] = paths
    return wrong


def _covering(path: str, declared: Iterable[str]) -> str | None:
    """The declared path that says what is at `path`: that very one, or the nearest above it."""
    return max((one for one in declared if _covers(one, path)), key=lambda one: (one.replace("[]", "") == path, len(_parts(one)), "*" not in one), default=None)


def _covers(one: str, path: str) -> bool:
    """Whether what is said of `one` is said of `path`, too: it is the same, an object above it, or has a * where path has a name."""
    mine, its = _parts(one), _parts(path)
    return len(mine) <= len(its) and all(part in ("*", other) for part, other in zip(mine, its, strict=False))


def _parts(path: str) -> list[str]:
    return path.replace("[]", "").split(".")


# ---- records

def _treat(what: _Fate, one: Personal, own_domains: frozenset[str], token: Callable[..., str] | None) -> Treat | None:
    if what.treatment == what.own == "keep":
        return None
    keeps = re.compile(one.keeps, re.IGNORECASE) if one.keeps else None
    if token is not None and keeps is None and what.treatment == what.own == "hash":
        def hashed(text: str) -> str:                    # the usual case, without asking for each text what is to be done
            return token(text, one.kind) if text and not text.isspace() else text

        return hashed if one.kind == "text" else _remembering(hashed)        # what people wrote hardly ever comes again

    def treat(text: str) -> str | None:
        if not text or text.isspace():
            return text
        treatment = what.own if what.own != what.treatment and _is_at(own_domains, text) else what.treatment
        if treatment == "keep":
            return text
        kept = [found.group() for found in keeps.finditer(text) if found.group()] if keeps else []
        if kept and "".join(kept) == text:
            return text
        if treatment == "hash" and token is not None:
            if not kept:
                return token(text, one.kind)
            kept.append(token(text, one.kind))
        return "\n".join(kept) if kept else None

    return _remembering(treat)


def _remembering(treat: Treat) -> Treat:
    known: dict[str, str | None] = {}

    def remembering(text: str) -> str | None:
        treated = known.get(text, _UNKNOWN)
        if treated is _UNKNOWN:
            treated = treat(text)
            if len(text) <= _REMEMBERED:
                if len(known) >= _MOST_REMEMBERED:       # lru_cache costs a third of a hash for every text that is new
                    known.clear()
                known[text] = treated
        return treated

    return remembering


def _is_at(domains: frozenset[str], text: str) -> bool:
    """Whether a text is one address, and nothing else, of one of these domains."""
    return text.count("@") == 1 and text.rpartition("@")[2].strip().casefold() in domains and " " not in text.strip()


def _plant(node: _Node, path: Sequence[str], leaf: _Node, *, blunt: Treat | None) -> None:
    for name in path[:-1]:
        node = _below(node, name)
    if len(path) > 1:
        node.blunt = node.blunt or blunt
    if path[-1] == "*":
        node.rest = leaf
    else:
        there = _below(node, path[-1])
        there.treat, there.unless, there.otherwise = leaf.treat, leaf.unless, leaf.otherwise


def _below(node: _Node, name: str) -> _Node:
    if name == "*":
        node.rest = node.rest or _Node()
        return node.rest
    return node.named.setdefault(name, _Node())


def _treated(value: Any, node: _Node) -> Any:
    """The value with everything treated that the node says: the same object where nothing changes, else a copy that shares all other parts with it."""
    if isinstance(value, str):                           # most values are, and asking whether one is a Mapping costs ten times as much
        treat = node.treat or node.blunt
        return value if treat is None else treat(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, dict):
        return _treated_object(value, node)
    if isinstance(value, list | tuple):
        treated = [_treated_object(inner, node) if type(inner) is dict else _treated(inner, node) for inner in value]
        return value if all(map(is_, treated, value)) else treated
    return value if node.treat is None else node.treat(str(value))


def _treated_object(value: Mapping[str, Any], node: _Node) -> Mapping[str, Any]:
    if node.treat is not None:                           # an object's own fields may be called by what is personal, too
        return {str(node.treat(name)) if "@" in name else name: _treated(inner, node.named.get(name, node)) for name, inner in value.items()}
    named, rest, changed = node.named, node.rest, None
    new: Any
    for name in named if rest is None and len(named) < len(value) else value:      # of the fields, and of what is declared of them, most records have fewer
        inner = value.get(name)
        if inner is None:
            continue
        below = named.get(name)
        if below is None:
            if rest is None:
                continue
            below = rest
        elif below.unless and below.otherwise and _is_excepted(value, below.unless):
            below = below.otherwise
        if type(inner) is str:                           # as in _treated, without the call: most of a record's fields are such
            treat = below.treat or below.blunt
            if treat is None:
                continue
            new = treat(inner)
        elif type(inner) is dict:
            new = _treated_object(inner, below)
        else:
            new = _treated(inner, below)
        if new is not inner:
            if changed is None:
                changed = dict(value)
            changed[name] = new
    return value if changed is None else changed


def _is_excepted(beside: Mapping[str, Any], unless: Mapping[str, frozenset[str]]) -> bool:
    return any(beside.get(name) is not None and (not values or str(beside[name]).casefold() in values) for name, values in unless.items())

