"""The stand-in's rules that do not depend on the API: what a domain finds, what a user sees. Sections cited are those of the vendor's "ORM API"."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.odoo.database import Database
from sandbox.stand_in.state import Item

Test = Callable[[Item], bool]
COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right, "!=": lambda left, right: left != right, "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right, ">": lambda left, right: left > right, ">=": lambda left, right: left >= right,
}


class OdooError(Exception):
    """What Odoo raises: the qualified name of its exception, and JSON-2's status for it."""

    def __init__(self, name: str, message: str, status: int) -> None:
        super().__init__(message)
        self.name, self.message, self.status = name, message, status


def access_error(message: str) -> OdooError:
    return OdooError("odoo.exceptions.AccessError", message, 403)


def invalid_field(model: str, name: str) -> OdooError:
    return OdooError("builtins.ValueError", f"Invalid field '{name}' on model '{model}'", 500)


def no_fields(model: str, names: Sequence[str], version: int) -> OdooError:
    """What `read` says to users without technical rights (models.py: check_field_access_rights up to 17, _check_field_access from 18 on)."""
    if version >= 18:
        return access_error(f'You do not have enough rights to access the field "{names[0]}" on {model} ({model}). Please contact your system'
                            " administrator.\n\nOperation: read")
    return access_error(f'You do not have enough rights to access the fields "{",".join(names)}" on {model} ({model}). Please contact your system'
                        " administrator.\n\n(Operation: read)")


def no_model(model: str) -> OdooError:
    return access_error(f"You are not allowed to access '{model}' ({model}) records.\n\nThis operation is allowed for the following groups:\n\t- Administration"
                        "/Settings\n\nContact your administrator to request access if necessary.")


def test_of(database: Database, model: str, domain: Sequence[Any]) -> Test:
    """Search domains: in prefix notation, terms without an operator between them are joined by '&'."""
    tests: list[Test] = []
    for term in reversed(domain):
        if term == "!":
            tests.append(_not(tests.pop()))
        elif term in ("&", "|"):
            first, second = tests.pop(), tests.pop()
            tests.append(_both(first, second) if term == "&" else _either(first, second))
        else:
            tests.append(_leaf(database, model, *term))
    return lambda item: all(test(item) for test in tests)


def _leaf(database: Database, model: str, path: str, operator: str, value: Any) -> Test:
    name, _, rest = path.partition(".")
    field = database.fields(model).get(name)
    if field is None:
        raise invalid_field(model, name)
    if rest:                         # through a link: the other record has to fit
        beyond = _leaf(database, field.relation, rest, operator, value)
        return lambda item: bool(item[name]) and (other := database.state.get(field.relation, item[name])) is not None and beyond(other)
    if name in ("create_date", "write_date") and isinstance(value, str):
        value = round(datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp() * 1_000_000)
    if operator in ("in", "not in"):
        wanted = set(value)
        return lambda item: (item[name] in wanted) == (operator == "in")
    compare = COMPARED[operator]
    return lambda item: (item[name] is not False or value is False) and compare(item[name], value)


def _not(test: Test) -> Test:
    return lambda item: not test(item)


def _both(first: Test, second: Test) -> Test:
    return lambda item: first(item) and second(item)


def _either(first: Test, second: Test) -> Test:
    return lambda item: first(item) or second(item)


def seen_in(model: str, companies: Sequence[int], context: Mapping[str, Any], user_companies: Sequence[int]) -> Test:
    """Which records a user sees. "Multi-company Guidelines": of the companies in `allowed_company_ids`, or of none; archived ones when `active_test` is off."""
    shows_archived = context.get("active_test") is False
    mine = {*companies, False}

    def test(item: Item) -> bool:
        if model == "res.company":
            return item["id"] in user_companies
        return (shows_archived or item.get("active", True) is True) and (model == "res.users" or item.get("company_id", False) in mine)

    return test
