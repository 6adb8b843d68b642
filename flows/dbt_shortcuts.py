"""What dbt does for nobody is not done, and what it does again and again is kept. What is built is the same.

With both, and a graph with fewer edges (flows/build.py), a small company's quiet night takes 21 to 23 s of CPU in dbt instead of 26 to 28, and a first
one, for which no template is kept yet, 45 to 48 instead of 49 to 51 (one after the other, 2 cores at a load of 2 to 5). Measured with dbt-core 1.11 and
Jinja 3.1. What is replaced are functions of theirs that no documentation names, so a new version of dbt may need them looked at again:
tests/flows/test_dbt_shortcuts.py notices. What dbt does for each node is cheaper, too, by flows/dbt_nodes.py.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any

Templates = dict[tuple[str, str], CodeType]       # (class of the environment, text) → its code
TEMPLATES = "templates"
PARSED = "partial_parse.msgpack"        # dbt's name for what it remembers of the project
DIGEST = hashlib.sha256().digest_size


def compile_when_used() -> None:
    """Before dbt is imported: how its dataclasses are read and written is compiled when one is first read or written, and not for all of them at import
    (mashumaro, "Config options": lazy_compilation). 0.7 of 3.1 s of CPU of the import, and less memory."""
    from mashumaro.config import BaseConfig

    BaseConfig.lazy_compilation = True


class NoPandas:
    """For a process in which no function that DuckDB calls answers with a DataFrame: DuckDB looks for pandas when one answers for the first time, which
    imports it where it is installed (0.6 s of CPU). Stands first in sys.meta_path; who does want it takes it away."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("pandas is hidden in this process (flows/dbt_shortcuts.py)", name=name)


@contextmanager
def no_debug_events() -> Iterator[None]:
    """dbt tells 25 events a node at level debug, each turned into two protobuf messages; those are not made unless somebody asks for them.

    From warnings up, and whatever is told at another level than its own, events are as they were.
    """
    from dbt_common.events.base_types import BaseEvent, EventLevel
    from dbt_common.events.event_manager import EventManager

    make, tell = BaseEvent.__init__, EventManager.fire_event

    def begin(self: Any, *arguments: Any, **named: Any) -> None:
        self.__dict__["asked"] = arguments, named

    def get(self: Any, name: str) -> Any:
        if name == "pb_msg":
            arguments, named = self.__dict__.pop("asked")
            make(self, *arguments, **named)
            return self.__dict__["pb_msg"]
        return getattr(self.pb_msg, name)

    def fire(self: Any, event: Any, level: Any = None, node: Any = None, force_warn_or_error_handling: bool = False) -> None:
        if force_warn_or_error_handling or (level or event.level_tag()) is not EventLevel.DEBUG:
            tell(self, event, level=level, node=node, force_warn_or_error_handling=force_warn_or_error_handling)

    with replaced(BaseEvent, __init__=begin, __getattr__=get), replaced(EventManager, fire_event=fire):
        yield


@contextmanager
def compiled_once(kept: Templates) -> Iterator[Templates]:
    """Jinja compiles no text that is among `kept`. Gives what was used."""
    from jinja2 import Environment

    make, used = Environment.compile, Templates()

    def code(self: Any, source: Any, *more: Any, **named: Any) -> Any:
        if not isinstance(source, str) or more or named:        # asked for as text, or for a file
            return make(self, source, *more, **named)
        key = (f"{type(self).__module__}.{type(self).__qualname__}", source)
        if key not in used:
            used[key] = kept[key] if key in kept else make(self, source)
        return used[key]

    with replaced(Environment, compile=code):
        yield used


@contextmanager
def kept_templates(folder: Path) -> Iterator[None]:
    """What Jinja compiles is kept in `folder` for the next process, as Python keeps a module's code. A file that is broken is not read."""
    from jinja2 import __version__ as jinja

    file = folder / f"{TEMPLATES}-{jinja}-{sys.implementation.cache_tag}.bin"
    kept = _read(file)
    with compiled_once(kept) as used:
        try:
            yield
        finally:
            if not used.keys() <= kept.keys():
                _write(file, used)


@contextmanager
def replaced(owner: Any, **functions: Callable[..., Any]) -> Iterator[None]:
    """Functions of a class or a module are others for a while."""
    before = {name: vars(owner)[name] for name in functions if name in vars(owner)}
    try:
        for name, function in functions.items():
            setattr(owner, name, function)
        yield
    finally:
        for name in functions:
            if name in before:
                setattr(owner, name, before[name])
            else:                               # it is inherited
                delattr(owner, name)


def _read(file: Path) -> Templates:
    try:
        content = file.read_bytes()
    except OSError:
        return {}
    digest, body = content[:DIGEST], content[DIGEST:]
    return marshal.loads(body) if hashlib.sha256(body).digest() == digest else {}  # noqa: S302 - our own file, whole


def _write(file: Path, templates: Templates) -> None:
    body, part = marshal.dumps(templates), file.with_suffix(f".{os.getpid()}")
    try:
        part.write_bytes(hashlib.sha256(body).digest() + body)
        part.replace(file)
    except OSError:         # a full disk costs the next night two seconds, not this one its marts
        part.unlink(missing_ok=True)
