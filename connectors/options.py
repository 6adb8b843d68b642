"""Options of a source as a connector takes them: what every connector checks alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any

from connectors.stream import Misconfigured


def refuse_unknown(source: str, options: Mapping[str, Any], declared: type) -> None:
    """declared: the dataclass whose fields are all the options there are. Raises Misconfigured."""
    known = {field.name for field in fields(declared)}
    if unknown := sorted(set(options) - known):
        raise Misconfigured(f"unknown option {', '.join(unknown)}", source=source, mend="known are " + ", ".join(sorted(known)))


def left_out(source: str, options: Mapping[str, Any], streams: Collection[str]) -> tuple[str, ...]:
    """The option `without`: streams that are not read. Raises Misconfigured when it is no list of such names."""
    names = options.get("without", ())
    if isinstance(names, str) or not set(names) <= set(streams):
        raise Misconfigured(f"without is {names!r}", source=source, mend="a list of streams out of " + ", ".join(streams))
    return tuple(names)
