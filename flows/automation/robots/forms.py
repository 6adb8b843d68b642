"""What a page is expected to look like, and what is read off it. A page that looks otherwise is not typed into.

A form is known by the names and labels of all of its fields and by its button: a field that is renamed, gone, new or labelled otherwise is a changed page, and
so is a table whose head reads otherwise. Names alone would let an order's quantity go into what is now the discount.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.automation.contract import Unrecognized

_FORM = """form => ({
    fields: [...form.elements].filter(one => one.name && one.type !== 'hidden' && one.type !== 'submit')
        .map(one => [one.name, (one.labels && one.labels[0] ? one.labels[0].innerText : '').trim()]),
    buttons: [...form.elements].filter(one => one.type === 'submit').map(one => one.value || one.innerText)})"""
_TABLE = "table => [...table.rows].map(row => [...row.cells].map(cell => cell.innerText.trim()))"


@dataclass(frozen=True, kw_only=True)
class Form:
    """where: its selector. fields: every visible field's name -> its label. button: what is written on the one that sends it."""

    where: str
    fields: Mapping[str, str]
    button: str


def check(page: Any, form: Form) -> None:
    """Raises Unrecognized with what is other than expected."""
    found = page.locator(form.where)
    if found.count() != 1:
        raise Unrecognized(f"{_path(page)}: there are {found.count()} of {form.where}, one is expected")
    there = found.evaluate(_FORM)
    fields = {name: label for name, label in there["fields"]}
    differences = [f"{name} ({form.fields[name]}) is missing" for name in form.fields if name not in fields]
    differences += [f"{name} ({label}) is new" for name, label in fields.items() if name not in form.fields]
    differences += [f"{name} is labelled '{fields[name]}', not '{label}'" for name, label in form.fields.items() if fields.get(name, label) != label]
    if there["buttons"] != [form.button]:
        differences.append(f"its buttons are {there['buttons']}, not ['{form.button}']")
    if differences:
        raise Unrecognized(f"{_path(page)}: {form.where} has changed: {'; '.join(differences)}")


def fill(page: Any, form: Form, values: Mapping[str, str]) -> None:
    """Type in, after a look whether it still is the form we know. Raises Unrecognized."""
    check(page, form)
    for name, value in values.items():
        page.locator(f"{form.where} [name={name}]").fill(value)


def button(page: Any, form: Form) -> Any:
    return page.locator(f"{form.where} [type=submit]")


def table(page: Any, where: str, columns: Sequence[str]) -> list[dict[str, str]]:
    """Its rows by the names of its head. Raises Unrecognized when that is not what is expected."""
    head, *rows = _cells(page, where) or [[]]
    if head != list(columns):
        raise Unrecognized(f"{_path(page)}: the head of {where} is {head}, not {list(columns)}")
    return [dict(zip(columns, row, strict=True)) for row in rows if len(row) == len(columns)]


def pairs(page: Any, where: str, names: Sequence[str]) -> dict[str, str]:
    """A table of names and values. Raises Unrecognized when it has not exactly these names."""
    found = {row[0]: row[1] for row in _cells(page, where) if len(row) == 2}
    if set(found) != set(names):
        raise Unrecognized(f"{_path(page)}: {where} tells {sorted(found)}, not {sorted(names)}")
    return found


def _cells(page: Any, where: str) -> list[list[str]]:
    found = page.locator(where)
    if found.count() != 1:
        raise Unrecognized(f"{_path(page)}: there are {found.count()} of {where}, one is expected")
    cells: list[list[str]] = found.evaluate(_TABLE)
    return cells


def _path(page: Any) -> str:
    from urllib.parse import urlsplit

    return urlsplit(page.url).path
