"""The stand-in's HTTP side: JSON-RPC ("External RPC API") for every version, JSON-2 ("External JSON-2 API") from 19 on."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sandbox.odoo import database as databases
from sandbox.odoo.database import Database
from sandbox.odoo.rules import OdooError, access_error, invalid_field, no_fields, no_model, seen_in, test_of
from sandbox.stand_in.limits import Failure, json_object

USER, LOGIN, DATABASE = 2, "meridian@company.example", "company"
NOT_FOUND = Failure(404, "<!doctype html><html><head><title>404 Not Found</title></head></html>", {"Content-Type": "text/html"})
READ_METHODS = ("search_read", "read", "fields_get", "search_count")


class Api:
    """Answers requests as the user of one key.

    forbidden: models that the user may not read. hidden: fields of a group that he is not in, 'model.field';
    refused: fields that `fields_get` shows and `read` refuses, as overridden rules do.
    """

    def __init__(self, database: Database, key: str) -> None:
        self.database, self._key = database, key
        self.forbidden: set[str] = set()
        self.hidden: set[str] = set()
        self.refused: set[str] = set()
        self.failing: OdooError | None = None       # raised by every call of a method
        self.asked: list[tuple[str, str, Mapping[str, Any]]] = []

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], Any]:
        path = urlsplit(url).path.strip("/")
        try:
            if path == "sandbox/clock":
                if method == "POST":
                    self.database.state.set_clock(datetime.fromisoformat(json.loads(body)["now"]))
                return 200, {}, {"now": self.database.state.now().isoformat()}
            if method == "POST" and path == "jsonrpc":
                return 200, {}, self._json_rpc(json_object(body, lambda reason: Failure(400, reason)))
            parts = path.split("/")
            if method == "POST" and len(parts) == 4 and parts[:2] == ["json", "2"] and self.database.version >= 19:
                return self._json_2(parts[2], parts[3], headers, json_object(body, lambda reason: Failure(400, {"name": "Bad", "message": reason})))
            raise NOT_FOUND
        except Failure as refused:
            return refused.status, refused.headers, refused.body

    # ---- JSON-RPC

    def _json_rpc(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Errors have status 200, and so has a method that returned None: it has no `result` (odoo/http.py, JsonRPCDispatcher)."""
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": question.get("id")}
        try:
            params = question["params"]
            result = getattr(self, f"_{params['service']}_{params['method']}")(*params["args"])
        except OdooError as error:
            data = {"name": error.name, "debug": "Traceback ...", "message": error.message, "arguments": [error.message], "context": {}}
            return {**answer, "error": {"code": 200, "message": "Odoo Server Error", "data": data}}
        return answer if result is None else {**answer, "result": result}

    def _common_version(self) -> dict[str, Any]:
        version = self.database.version
        return {"server_version": f"{version}.0", "server_version_info": [version, 0, 0, "final", 0, ""], "server_serie": f"{version}.0", "protocol_version": 1}

    def _common_authenticate(self, database: str, login: str, key: str, environment: Mapping[str, Any]) -> int | bool:
        self._at(database)
        return USER if login == LOGIN and self._is_key(key) else False

    def _object_execute_kw(
        self, database: str, user: int, key: str, model: str, method: str, positional: Sequence[Any], named: Mapping[str, Any] | None = None,
    ) -> Any:
        self._at(database)
        if user != USER or not self._is_key(key):
            raise OdooError("odoo.exceptions.AccessDenied", "Access Denied", 403)
        if not self.database.has(model):
            raise OdooError("odoo.exceptions.UserError", f"Object {model} doesn't exist", 422)
        arguments = dict(named or {})
        if method == "read":
            arguments |= dict(zip(("ids", "fields"), positional, strict=False))
        return self._call(model, method, arguments)

    def _at(self, database: str) -> None:
        if database != DATABASE:
            raise OdooError("psycopg2.OperationalError", f'connection to server failed: FATAL:  database "{database}" does not exist', 500)

    # ---- JSON-2

    def _json_2(self, model: str, method: str, headers: Mapping[str, str], arguments: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        scheme, _, key = headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer" or not self._is_key(key):
                raise OdooError("werkzeug.exceptions.Unauthorized", "Invalid apikey", 401)
            if headers.get("X-Odoo-Database", DATABASE) != DATABASE:
                raise NOT_FOUND
            if not self.database.has(model):
                raise OdooError("werkzeug.exceptions.NotFound", f"the model {model!r} does not exist", 404)
            return 200, {}, self._call(model, method, arguments)
        except OdooError as error:
            return error.status, {}, {"name": error.name, "message": error.message, "arguments": [error.message], "context": {}, "debug": "Traceback ..."}

    def _is_key(self, key: str) -> bool:
        return hmac.compare_digest(key.encode(), self._key.encode())

    # ---- methods of models

    def _call(self, model: str, method: str, arguments: dict[str, Any]) -> Any:
        context, self_call = arguments.pop("context", {}), f"_{method}"
        self.asked.append((model, method, {**arguments, "context": context}))
        if self.failing is not None:
            raise self.failing
        mine = databases.one(self.database, "res.users", USER)["company_ids"]
        companies = context.get("allowed_company_ids") or mine
        if not set(companies) <= set(mine):
            raise access_error("Access to unauthorized or invalid companies.")
        if (model, method) == ("res.users", "context_get"):
            return {"lang": "en_US", "tz": "Europe/Berlin", "uid": USER}
        if method not in READ_METHODS:
            raise OdooError("werkzeug.exceptions.NotFound", f"The method '{model}.{method}' does not exist", 404)
        if method != "fields_get" and model in self.forbidden:
            raise no_model(model)
        function: Callable[..., Any] = getattr(self, self_call)
        return function(model, seen_in(model, companies, context, mine), **arguments)

    def _fields_get(self, model: str, sees: Any, allfields: Sequence[str] | None = None, attributes: Sequence[str] | None = None) -> dict[str, Any]:
        """Without the fields of groups that the user is not in; names that there are not are passed over."""
        found = {name: field for name, field in self.database.fields(model).items() if f"{model}.{name}" not in self.hidden}
        told = {name: {"type": field.type, "string": name, "relation": field.relation, "store": True} for name, field in found.items()}
        return {name: {what: one[what] for what in attributes or one if what in one} for name, one in told.items() if allfields is None or name in allfields}

    def _search_read(
        self, model: str, sees: Any, domain: Sequence[Any] = (), fields: Sequence[str] = (), limit: int | None = None, order: str = "id",
        load: str | None = "_classic_read",
    ) -> list[dict[str, Any]]:
        if order != "id":
            raise OdooError("odoo.exceptions.UserError", f"this stand-in does not order by {order}", 422)
        self._may_read(model, fields)
        test = test_of(self.database, model, domain)
        # ids are most of what is asked for: begin at the first that can fit
        after = max((term[2] if term[1] == ">" else min(term[2]) - 1 for term in domain if [*term][:2] in (["id", ">"], ["id", "in"])), default=-1)
        found = self.database.state.items(model, after=after, most=limit or -1, where=lambda item: sees(item) and test(item))
        return [databases.shown(self.database, model, item, fields, load=load) for item in found]

    def _read(self, model: str, sees: Any, ids: Sequence[int], fields: Sequence[str], load: str | None = "_classic_read") -> list[dict[str, Any]]:
        self._may_read(model, fields)
        return [databases.shown(self.database, model, databases.one(self.database, model, identity), fields, load=load) for identity in ids]

    def _search_count(self, model: str, sees: Any, domain: Sequence[Any] = ()) -> int:
        test = test_of(self.database, model, domain)
        return len(self.database.state.items(model, where=lambda item: sees(item) and test(item)))

    def _may_read(self, model: str, fields: Sequence[str]) -> None:
        if denied := [name for name in fields if f"{model}.{name}" in self.hidden | self.refused]:
            raise no_fields(model, denied, self.database.version)
        for name in fields:
            if name not in self.database.fields(model):
                raise invalid_field(model, name)
