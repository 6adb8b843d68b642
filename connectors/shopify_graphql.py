"""Shopify's Admin GraphQL API as one function: ask(query, variables) -> the answer's data, whole or not at all.

Errors come with status 200 ("GraphQL Admin API reference", Status and error codes) and are read here into:

    THROTTLED                           waited for, as long as the bucket takes to fill; then QuotaExhausted
    MAX_COST_EXCEEDED                   TooCostly, with the figures that Shopify names: whoever asked asks for less
    ACCESS_DENIED                       Refused, with the scope that Shopify names
    INTERNAL_SERVER_ERROR, TIMEOUT      asked again a few times, then Unreachable
    anything else                       UnexpectedShape with Shopify's words; so is data beside errors, because some of it is missing

What a query may cost must be in the bucket before it runs ("GraphQL Admin API rate limits"); what it did not cost is given back. Bucket and rate are read
off every answer, because they depend on the plan and Shopify lowers them at times; all that is asked from here shares them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from connectors.rest import Rest
from connectors.stream import Json, QuotaExhausted, Refused, SourceError, UnexpectedShape, Unreachable

PATIENCE = 300.0                 # seconds that one query waits in all
AGAIN = 5                        # times that a query is asked again after Shopify's own errors
MARGIN = 0.1                     # seconds waited beyond what was worked out: points are told rounded, and clocks differ
BACKOFF = 1.0                    # seconds; what the vendor recommends where it names no figures
OURS = ("INTERNAL_SERVER_ERROR", "TIMEOUT")


class TooCostly(UnexpectedShape):
    """A query may cost more than Shopify runs. share: what of it would be allowed, below 1."""

    def __init__(self, message: str, *, share: float, source: str, stream: str) -> None:
        self.share = share
        super().__init__(message, source=source, stream=stream, mend="ask for less at once: lower `page_size`")


class Graphql:
    """One shop, asked in one version of its API. Safe to use from several threads."""

    def __init__(self, rest: Rest, *, source: str, version: str, clock: Callable[[], datetime], sleep: Callable[[float], None]) -> None:
        self._rest, self._source, self._version, self._clock, self._sleep = rest, source, version, clock, sleep
        self._lock = threading.Lock()
        self._left: tuple[float, float, datetime] | None = None      # points, points a second, when
        self._costs: dict[str, float] = {}                           # query -> what it may cost
        self.answered_in = version

    def ask(self, query: str, variables: Mapping[str, Json], *, stream: str) -> dict[str, Any]:
        """May be asked twice: it reads, or starts a bulk operation that reads."""
        waited, failures = self._wait(self._short_of(query), 0.0), 0
        while True:
            answer = self._rest.request("POST", f"admin/api/{self._version}/graphql.json", json={"query": query, "variables": variables}, stream=stream,
                                        idempotent=True)
            self.answered_in = answer.headers.get("X-Shopify-API-Version", self._version)
            body = answer.json if isinstance(answer.json, dict) else {}
            self._remember(query, body)
            errors = body.get("errors")
            if not errors:
                if not isinstance(body.get("data"), dict):
                    raise self._odd("the answer has neither data nor errors", stream)
                return dict(body["data"])
            failure = self._failure(errors, stream)
            if isinstance(failure, QuotaExhausted):
                pause = self._short_of(query) or BACKOFF
            elif isinstance(failure, Unreachable) and failures < AGAIN:
                failures, pause = failures + 1, BACKOFF * 2 ** failures
            else:
                raise failure
            if waited + pause > PATIENCE:
                raise failure
            waited = self._wait(pause, waited)

    def _wait(self, pause: float, waited: float) -> float:
        if pause > 0:
            self._sleep(pause)
        return waited + pause

    # ---- the bucket

    def _short_of(self, query: str) -> float:
        """Seconds until the bucket holds what the query may cost, as far as is known."""
        with self._lock:
            if self._left is None or query not in self._costs:
                return 0.0
            points, rate, at = self._left
            wait = (self._costs[query] - points) / rate - max(0.0, (self._clock() - at).total_seconds())
            return wait + MARGIN if wait > 0 else 0.0

    def _remember(self, query: str, body: Mapping[str, Any]) -> None:
        cost = (body.get("extensions") or {}).get("cost") or {}
        status, requested = cost.get("throttleStatus") or {}, cost.get("requestedQueryCost")
        left, rate = status.get("currentlyAvailable"), status.get("restoreRate")
        with self._lock:
            if isinstance(requested, int | float):
                self._costs[query] = requested
            if isinstance(left, int | float) and isinstance(rate, int | float) and rate > 0:
                self._left = (left, rate, self._clock())

    # ---- errors

    def _failure(self, errors: Any, stream: str) -> SourceError:
        first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {"message": str(errors)}
        details = first.get("extensions") or {}
        code, words = str(details.get("code", "")), self._rest.redact(" ".join(str(first.get("message")).split())[:300])
        if code == "THROTTLED":
            at = self._clock() + timedelta(seconds=PATIENCE)
            return QuotaExhausted("its query costs are used up, whoever asks for this app", retry_at=at, source=self._source, stream=stream,
                                  mend="the next run carries on; does something else use the same app's token?")
        if code == "MAX_COST_EXCEEDED":
            figures = [int(figure) for figure in re.findall(r"\d+", words)]
            share = figures[1] / figures[0] if len(figures) == 2 and 0 < figures[1] < figures[0] else 0.5
            return TooCostly(f"Shopify says: {words}", share=share, source=self._source, stream=stream)
        if code == "ACCESS_DENIED":
            return Refused(f"Shopify says: {words}", source=self._source, stream=stream, mend="give the app this access scope, or name the stream in `without`")
        if code in OURS:
            return Unreachable(f"Shopify says: {words}", source=self._source, stream=stream, mend="the next run tries again")
        return self._odd(f"Shopify says: {words} ({code})", stream)

    def _odd(self, what: str, stream: str) -> UnexpectedShape:
        return UnexpectedShape(what, source=self._source, stream=stream, mend="does this version of the API know what is asked? See the option `api_version`")
