"""Odoo's two APIs as one function: call(model, method, ...) -> what the method returns.

JSON-2 ("External JSON-2 API", from 19 on) is POST /json/2/<model>/<method> with an API key as bearer; errors have a status and an object that names
Python's exception. JSON-RPC ("External RPC API", deprecated in 19, to be removed in 22) is POST /jsonrpc with database, user's id and key in every
body; errors come with status 200, beside no `result`. Both are read here into:

    AccessDenied                  Refused         user or key is wrong
    AccessError                   Denied          with the fields that the message names, of which a user may not read one
    no such model                 NotInstalled
    the database's own errors     Unreachable     it restarts, or is too busy
    anything else                 UnexpectedShape with Odoo's words
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from connectors.rest import Rest
from connectors.stream import Json, Misconfigured, Refused, SourceError, UnexpectedShape, Unreachable

JSON_2_SINCE = 19
ANSWERED = (400, 403, 404, 422)     # what JSON-2 answers with when Odoo itself said no ("Response"); 401 is a wrong key
RENEW = "make a new API key in Odoo (Preferences, Account Security); it ends after three months at most"


class Denied(Refused):
    """A right is missing. fields: those that Odoo's message names."""

    def __init__(self, message: str, *, fields: frozenset[str], source: str, stream: str) -> None:
        self.fields = fields
        super().__init__(message, source=source, stream=stream, mend="give the user of the key the right to read this, or name the stream in `without`")


class NotInstalled(Misconfigured):
    pass


@dataclass(frozen=True, kw_only=True)
class Session:
    """version: the major one. user: id of the key's. companies: of the user, the one that amounts depend on first. json_2: which of the APIs is spoken."""

    version: int
    json_2: bool
    user: int
    login: str
    companies: tuple[int, ...]


class Rpc:
    """One database, asked as one user. Streams share the session, which is found out once."""

    def __init__(
        self, rest: Rest, *, source: str, database: str, login: str, key: str, api: Literal["auto", "json-2", "jsonrpc"], companies: tuple[int, ...],
    ) -> None:
        self._rest, self._source, self._database, self._login, self._key, self._api, self._companies = rest, source, database, login, key, api, companies
        self._session: Session | None = None
        self._lock = threading.Lock()

    def session(self) -> Session:
        with self._lock:
            if self._session is None:
                self._session = self._begin()
            return self._session

    def call(self, model: str, method: str, arguments: Mapping[str, Json], *, stream: str) -> Json:
        """arguments: by name. The answer is in English whatever the user's language, of all the companies, archived records included."""
        session = self.session()
        context = {"lang": "en_US", "active_test": False, "allowed_company_ids": [*session.companies]}
        if session.json_2:
            return self._json_2(model, method, {**arguments, "context": context}, stream)
        return self._execute(session.user, model, method, [], {**arguments, "context": context}, stream)

    # ---- who we are, and where

    def _begin(self) -> Session:
        version = JSON_2_SINCE if self._api == "json-2" else self._version()
        json_2 = self._api == "json-2" or (self._api == "auto" and version >= JSON_2_SINCE)
        fields = ["login", "company_id", "company_ids"]
        user = self._key_owner() if json_2 else self._authenticated()
        if json_2:
            rows = self._json_2("res.users", "read", {"ids": [user], "fields": fields, "load": None}, "")
        else:
            rows = self._execute(user, "res.users", "read", [[user], fields], {"load": None}, "")
        row = rows[0] if isinstance(rows, list) and len(rows) == 1 else None
        if not isinstance(row, dict) or not isinstance(row.get("company_ids"), list):
            raise self._odd("Odoo does not tell who we are", "")
        theirs = (row["company_id"], *sorted(set(row["company_ids"]) - {row["company_id"]}))
        if strangers := sorted(set(self._companies) - set(theirs)):
            raise Misconfigured(f"the user {row['login']} may not work in the companies {strangers}", source=self._source,
                                mend=f"theirs are {sorted(theirs)}; allow them the others, or take those out of `companies`")
        return Session(version=version, json_2=json_2, user=user, login=row["login"], companies=self._companies or theirs)

    def _version(self) -> int:
        said = self._json_rpc("common", "version", [], "")
        info = said.get("server_version_info") if isinstance(said, dict) else None
        if not isinstance(info, list) or not info:
            raise self._odd("this address does not say that it is an Odoo", "")
        found = re.search(r"\d+", str(info[0]))      # Odoo Online says "saas~17"
        if found is None:
            raise self._odd(f"its version is {info[0]!r}", "")
        return int(found.group())

    def _key_owner(self) -> int:
        context = self._json_2("res.users", "context_get", {}, "")
        user = context.get("uid") if isinstance(context, dict) else None
        if not isinstance(user, int):
            raise self._odd("Odoo does not tell whose key this is", "")
        return user

    def _authenticated(self) -> int:
        user = self._json_rpc("common", "authenticate", [self._database, self._login, self._key, {}], "")
        if not isinstance(user, int) or isinstance(user, bool):      # false, not an error, when one of the three is wrong
            raise Refused(f"Odoo does not know the user {self._login!r} with this key in the database {self._database!r}", source=self._source, mend=RENEW)
        return user

    # ---- one request

    def _execute(self, user: int, model: str, method: str, positional: list[Json], named: Mapping[str, Json], stream: str) -> Json:
        return self._json_rpc("object", "execute_kw", [self._database, user, self._key, model, method, positional, named], stream)

    def _json_rpc(self, service: str, method: str, arguments: list[Json], stream: str) -> Json:
        """Reading only, so it may be asked twice. All questions go to one address, so an answer has to say that it is this one's: it repeats the id."""
        number = random.getrandbits(32)
        question = {"jsonrpc": "2.0", "method": "call", "id": number, "params": {"service": service, "method": method, "args": arguments}}
        body = self._rest.request("POST", "jsonrpc", json=question, stream=stream, idempotent=True).json
        if not isinstance(body, dict) or body.get("jsonrpc") != "2.0":
            raise self._odd("the answer is no JSON-RPC", stream)
        if body.get("id") != number:
            raise self._odd("the answer is one to another question; a proxy may be answering from a cache", stream)
        if error := body.get("error"):
            error = error if isinstance(error, dict) else {"message": error}
            data = error.get("data") or {}
            raise self._refusal(str(data.get("name", "")), str(data.get("message") or error), stream, expired=error.get("code") == 100)
        return body.get("result")         # what returned None has no `result` at all

    def _json_2(self, model: str, method: str, arguments: Mapping[str, Json], stream: str) -> Json:
        answer = self._rest.request("POST", f"json/2/{model}/{method}", json=arguments, stream=stream, idempotent=True, allow=ANSWERED)
        if answer.status in ANSWERED:
            error = answer.json if isinstance(answer.json, dict) else {}
            raise self._refusal(str(error.get("name", "")), str(error.get("message") or answer.json), stream)
        return answer.json

    def _refusal(self, name: str, message: str, stream: str, *, expired: bool = False) -> SourceError:
        words = self._rest.redact(" ".join(message.split())[:300].replace(self._key, "***"))
        kind = name.rpartition(".")[2]
        if expired or kind in ("AccessDenied", "SessionExpiredException", "Unauthorized"):
            return Refused(f"Odoo says: {words}", source=self._source, stream=stream, mend=RENEW)
        if kind in ("AccessError", "Forbidden"):
            return Denied(f"Odoo says: {words}", fields=named_fields(message), source=self._source, stream=stream)
        if re.search(r"^Object \S+ doesn't exist|^the model \S+ does not exist", message):
            return NotInstalled(words, source=self._source, stream=stream)
        if "database" in message and "does not exist" in message:
            return Misconfigured(f"Odoo says: {words}", source=self._source, stream=stream, mend="see the option `database`")
        if name.startswith("psycopg2.") or kind in ("PoolError", "ConcurrencyError", "LockError"):
            return Unreachable(f"Odoo's database says: {words}", source=self._source, stream=stream, mend="the next run tries again")
        return self._odd(f"Odoo says: {words} ({name})", stream)

    def _odd(self, what: str, stream: str) -> UnexpectedShape:
        return UnexpectedShape(what, source=self._source, stream=stream, mend="is `url` the address that Odoo's web client opens under?")


def named_fields(message: str) -> frozenset[str]:
    """The fields that an AccessError names: 'the fields "a,b" on Partner (res.partner)' (16 and 17), 'the field "a" on' (from 18 on), or, to users with
    technical rights, a list 'Fields:' with a line '- a (allowed for groups ...)' each (16 and 17)."""
    quoted = [name for names in re.findall(r'the fields? "([^"]+)"', message) for name in names.split(",")]
    listed = re.findall(r"^- (\w+) \(", message.partition("Fields:")[2], re.MULTILINE)
    return frozenset(name.strip() for name in (*quoted, *listed))
