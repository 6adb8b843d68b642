"""Personal data: dropped, hashed or kept before it lands, by what streams declare (`Stream.personal`) and what the configuration chooses.

A hash is keyed (BLAKE2b, RFC 7693, with a key that never leaves this company): without the key nobody can find out whose it is by trying addresses,
and with it the same address has the same token in every stream and source, however it is written, so that joins and counts by person still work. A
token is left as it is when it comes by again, so that what has landed can be gone over once more.

What is personal in a landed key makes the whole key a token: records, tombstones and sweeps name it alike.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, get_args

from connectors.stream import Kind, Misconfigured, Personal, Record, Stream

Treatment = Literal["keep", "hash", "drop"]
TREATMENTS: Sequence[str] = get_args(Treatment)
KINDS: Sequence[str] = tuple(kind for kind in get_args(Kind) if kind != "impersonal")
KEY_VARIABLE = "MERIDIAN_PERSONAL_KEY"
SHORTEST_KEY = 32                # characters: of hexadecimal digits that is 128 bits
DOCUMENT_NUMBER = r"^[A-Z]{1,6}[-_#]?\d{1,10}$"          # SO00017: a thing's number, by which a ticket is joined to its order
_PREFIX = "hashed-"
_TOKEN = re.compile(_PREFIX + r"[0-9a-f]{32}")
_REMEMBERED = 100                # characters: addresses and names come again and again, messages do not

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


@dataclass(kw_only=True)
class _Node:
    """A place in a record. treat: what happens to everything at and below it; named, rest: to the fields of an object."""

    treat: Treat | None = None
    unless: tuple[str, frozenset[str]] | None = None
    named: dict[str, _Node] = field(default_factory=dict)
    rest: _Node | None = None


@dataclass(frozen=True, kw_only=True)
class Guard:
    """What is done to the records of one stream. treatments: path -> keep, hash or drop, of everything that is declared."""

    treatments: Mapping[str, str]
    seals_keys: bool
    _root: _Node | None
    _seal: Treat | None

    def record(self, record: Record) -> Record:
        """The record as it may land; the same object when nothing in the stream is personal."""
        treated: Record = record if self._root is None else _treated(record, self._root)
        return treated

    def key(self, landed_key: str) -> str:
        return str(self._seal(landed_key)) if self.seals_keys and self._seal else landed_key


def guard(source: str, stream: Stream, policy: Policy) -> Guard:
    """Raises Misconfigured when something must be hashed and there is no key."""
    declared = declarations(stream, policy.choices)
    treatments = {path: treatment_of(stream.name, path, one.kind, policy.choices) for path, one in declared.items() if one.kind != "impersonal"}
    if all(treatment == "keep" for treatment in treatments.values()):
        return Guard(treatments=treatments, seals_keys=False, _root=None, _seal=None)
    token = tokens(policy.key) if len(policy.key) >= SHORTEST_KEY else None
    seals = any(path in stream.key and treatment != "keep" for path, treatment in treatments.items())
    if token is None and (seals or "hash" in treatments.values()):
        raise Misconfigured(
            f"personal data is to be hashed, and {KEY_VARIABLE} is {f'shorter than {SHORTEST_KEY} characters' if policy.key else 'not set'}", source=source,
            stream=stream.name, mend=f"put a line {KEY_VARIABLE}=... into .env, its value from `openssl rand -hex 32`, and keep a copy of it in a safe place",
        )
    root, has_rest = _Node(), any("*" in path for path in declared)
    for path, one in declared.items():
        treatment = treatments.get(path, "keep")
        if treatment == "keep" and not has_rest:
            continue
        chosen_staff = treatment_of(stream.name, path, "staff", policy.choices)
        own = policy.own_domains if one.kind == "email" and chosen_staff == "keep" else frozenset()
        leaf = _Node(treat=None if treatment == "keep" else _treat(treatment == "hash", one, own, token), unless=one.unless)
        _plant(root, path.replace("[]", "").split("."), leaf)
        if "." in path:                                   # a flat file may have a column of this very name
            root.named.setdefault(path, leaf)
    return Guard(treatments=treatments, seals_keys=seals, _root=root, _seal=None if token is None else lambda key: token(key, exact=True))


def sealer(source: str, policy: Policy) -> Callable[[Stream, str], str]:
    """(stream, landed key) -> the key as it may be kept."""
    of = lru_cache(maxsize=None)(lambda stream: guard(source, stream, policy))
    return lambda stream, key: of(stream).key(key)


def declarations(stream: Stream, choices: Mapping[str, str]) -> dict[str, Personal]:
    """path -> what is personal there: as the stream declares it, and as the configuration adds to it."""
    added = {choice.partition(".")[2]: kind for choice, kind in choices.items() if choice.partition(".")[0] == stream.name and kind in KINDS and "." in choice}
    return {path: one if isinstance(one, Personal) else Personal(kind=one) for path, one in {**stream.personal, **added}.items()}  # type: ignore[arg-type]


def treatment_of(stream: str, path: str, kind: str, choices: Mapping[str, str]) -> str:
    """The narrowest choice that says something of this field."""
    default = "keep" if kind == "staff" else choices.get("default", "hash")
    return next((choices[name] for name in (f"{stream}.{path}", stream, kind) if choices.get(name) in TREATMENTS), default)


def unknown_choices(choices: Mapping[str, str], streams: Iterable[Stream]) -> dict[str, list[str]]:
    """choice that names nothing -> what could have been named."""
    streams = list(streams)
    names = ["default", *KINDS, *(stream.name for stream in streams if stream.personal)]
    paths = {f"{stream.name}.{path}" for stream in streams for path in stream.personal}
    known = {*names, *paths, *(stream.name for stream in streams)}
    of_a_stream = {stream.name for stream in streams}
    return {
        choice: sorted(paths) if "." in choice else sorted(names) for choice, what in choices.items()
        if choice not in known and not (what in KINDS and choice.partition(".")[0] in of_a_stream)
    }


def tokens(secret: str) -> Callable[..., str]:
    """The keyed hash: text -> token. exact: two ways of writing are two texts."""
    key = hashlib.blake2b(secret.encode(), digest_size=32).digest()

    def token(text: str, *, exact: bool = False) -> str:
        if text.startswith(_PREFIX) and _TOKEN.fullmatch(text):
            return text
        plain = text if exact else _normal(text)
        return _PREFIX + hashlib.blake2b(plain.encode("utf-8", "surrogatepass"), key=key, digest_size=16).hexdigest()

    return token


def _normal(text: str) -> str:
    """Case, width and spaces do not make another person."""
    return " ".join((text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold().split())


def _normal_number(text: str) -> str:
    """A telephone number without how it is grouped; 00 is + on a telephone."""
    digits = re.sub(r"\D", "", text)
    if digits and text.lstrip().startswith("+"):
        return f"+{digits}"
    return f"+{digits[2:]}" if digits.startswith("00") else digits or text


def _treat(is_hashed: bool, one: Personal, own_domains: frozenset[str], token: Callable[..., str] | None) -> Treat:
    keeps = re.compile(one.keeps, re.IGNORECASE) if one.keeps else None
    is_phone = one.kind == "phone"

    def treat(text: str) -> str | None:
        if not text or text.isspace():
            return text
        if own_domains and text.count("@") == 1 and text.rpartition("@")[2].strip().casefold() in own_domains and " " not in text.strip():
            return text
        kept = [found.group() for found in keeps.finditer(text) if found.group()] if keeps else []
        if kept and "".join(kept) == text:
            return text
        if is_hashed and token is not None:
            kept.append(token(_normal_number(text) if is_phone else text))
        return "\n".join(kept) if kept else None

    remembered = lru_cache(maxsize=1 << 16)(treat)
    return lambda text: remembered(text) if len(text) <= _REMEMBERED else treat(text)


def _plant(node: _Node, path: Sequence[str], leaf: _Node) -> None:
    for name in path[:-1]:
        node = _below(node, name)
    if path[-1] == "*":
        node.rest = leaf
    else:
        there = _below(node, path[-1])
        there.treat, there.unless = leaf.treat, leaf.unless


def _below(node: _Node, name: str) -> _Node:
    if name == "*":
        node.rest = node.rest or _Node()
        return node.rest
    return node.named.setdefault(name, _Node())


def _treated(value: Any, node: _Node) -> Any:
    """A copy with everything treated that the node says; other parts are shared with the original."""
    if isinstance(value, Mapping):
        if node.treat is not None:
            return {name: _treated(inner, node.named.get(name, node)) for name, inner in value.items()}
        changed = dict(value)
        for name, below in node.named.items():
            if name in value and (below.unless is None or str(value.get(below.unless[0])).casefold() not in below.unless[1]):
                changed[name] = _treated(value[name], below)
        if node.rest is not None:
            for name in value.keys() - node.named.keys():
                changed[name] = _treated(value[name], node.rest)
        return changed
    if isinstance(value, list | tuple):
        return [_treated(inner, node) for inner in value]
    if node.treat is None or value is None or isinstance(value, bool):
        return value
    return node.treat(value if isinstance(value, str) else str(value))
