"""What Salesforce's answers mean: errors by their code, the day's requests, and what a description says of an object. Pure functions for salesforce.py."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.rest import Answer
from connectors.stream import Json, QuotaExhausted, Refused, SourceError, UnexpectedShape, Unreachable

# Compound fields only repeat their parts ("Compound Field Considerations and Limitations"); binary contents come one by one ("sObject Blob Retrieve").
NOT_READ = frozenset({"address", "location", "base64"})
STAMPS = ("SystemModstamp", "LastModifiedDate", "CreatedDate")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What our user may see of an object. stamp: the field that says when a record changed. has_bin: it tells deleted records by IsDeleted."""

    fields: tuple[str, ...]
    stamp: str
    has_bin: bool
    is_replicated: bool
    has_formulas: bool

    @property
    def fingerprint(self) -> int:
        """The same for the same fields."""
        return zlib.crc32(",".join(self.fields).encode())


def shape_of(described: Json, fields: Sequence[Mapping[str, Any]], without: Collection[str], *, source: str, stream: str) -> Shape:
    """From "sObject Describe" (DescribeSObjectResult in the SOAP API's guide): replicateable says whether getDeleted works, calculated what is a formula."""
    read = {str(field["name"]): field for field in fields if field.get("type") not in NOT_READ and field["name"] not in without}
    stamp = next((name for name in STAMPS if name in read), None)
    if "Id" not in read or stamp is None:
        raise UnexpectedShape("the object has no Id, or nothing that says when a record changed", source=source, stream=stream,
                              mend="take it out of objects: it cannot be read by what changed")
    return Shape(fields=("Id", *sorted(read.keys() - {"Id"})), stamp=stamp, has_bin="IsDeleted" in read, is_replicated=described.get("replicateable") is True,
                 has_formulas=any(field.get("calculated") is True for field in read.values()))


def usage(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """(used, allowed) of the organisation's requests of a day: "Sforce-Limit-Info: api-usage=25/5000; per-app-api-usage=17/250(appName=...)"."""
    found = re.search(r"\bapi-usage=(\d+)/(\d+)", re.sub(r"per-app-api-usage", "", headers.get("Sforce-Limit-Info", "")))
    return (int(found[1]), int(found[2])) if found and int(found[2]) else None


def code_of(answer: Answer) -> str | None:
    """The errorCode of a refusal ("Status Codes and Error Responses": a list of errors); None where it is none."""
    if answer.status < 400:
        return None
    return str(_error(answer).get("errorCode") or "")


def failure(answer: Answer, *, source: str, stream: str, now: datetime) -> SourceError:
    """The error that a refusal is, sorted by how one recovers."""
    code, message = code_of(answer) or "", str(_error(answer).get("message") or "no message")
    what = f"{answer.status} {code}: {message[:300]}"
    where: dict[str, Any] = {"source": source, "stream": stream}
    if code == "REQUEST_LIMIT_EXCEEDED" and "Concurrent" in message:
        return Unreachable(what, mend="too much is asked of the organisation at once; the next try comes by itself", **where)
    if code == "REQUEST_LIMIT_EXCEEDED":
        at = now + timedelta(hours=1)
        return QuotaExhausted(what, retry_at=at, mend="the organisation's requests of 24 hours are used up; asked again in an hour", **where)
    if code == "QUERY_TIMEOUT":
        return Unreachable(what, mend="the query ran for too long, which a second try often does not", **where)
    if code == "INVALID_FIELD":
        return Unreachable(what, mend="a field was taken away while it was read; the next try reads what there is then", **where)
    if answer.status == 401:
        return Refused(what, mend="a fresh access token is refused, too: look at the app's policies and at the user's session settings", **where)
    if answer.status == 403:
        return Refused(what, mend="give our user the right to read this, and the permission API Enabled", **where)
    if code in ("NOT_FOUND", "INVALID_TYPE"):
        return Refused(what, mend=f'our user sees no such object: give it the right to read it, or without = ["{stream}"]', **where)
    return UnexpectedShape(what, mend="the organisation does not know this request: check url and version", **where)


def _error(answer: Answer) -> Mapping[str, Any]:
    body = answer.json[0] if isinstance(answer.json, list) and answer.json else answer.json
    if not isinstance(body, dict):
        return {}
    return {"errorCode": body.get("errorCode") or body.get("error"), "message": body.get("message") or body.get("error_description")}
