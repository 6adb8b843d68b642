"""The one HTTP implementation that every connector uses: pooled, bounded, patient, and discreet.

What goes in: a base URL, credentials (`bearer`, `basic`, `header`), a clock and a sleep. What comes out: parsed JSON, or one of the
errors of `stream.py`. What is retried, and why:

    no connection, time-out, reset, 408/500/502/503/504   if the request is idempotent, with full jitter     then Unreachable
    429                                                   after Retry-After (seconds or date), if idempotent then QuotaExhausted(retry_at)
    200 but torn, not JSON, or HTML                       twice, because proxies and restarts do that        then UnexpectedShape
    401, 403, a login page with status 200                never: a person has to act                         Refused
    any other 4xx                                         never: asking again gives the same answer          UnexpectedShape

Credentials never leave the origin of the base URL: redirects are followed here, not by the library, and without credentials as soon as
scheme, host or port change; page links to another origin are refused. Every text that leaves this module goes through `redact`.
"""

from __future__ import annotations

import logging
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, Protocol
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter

from connectors.answers import asks_for_login, http_date, is_html, origin, parsed, path_of, reason, vendor_message
from connectors.auth import Auth, basic, basic_key, bearer, header
from connectors.paging import LoopGuard
from connectors.stream import Json, Misconfigured, QuotaExhausted, Refused, SourceError, UnexpectedShape, Unreachable

__all__ = ["Answer", "Auth", "LoopGuard", "Quota", "Rest", "Retry", "basic", "basic_key", "bearer", "header", "system_clock"]

log = logging.getLogger("connectors.rest")

RETRIED = frozenset({408, 500, 502, 503, 504})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def system_clock() -> datetime:
    """The default clock. Waiting for a vendor's limit happens in real time even where the company's clock is simulated."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Retry:
    """How patient one request is. Waiting is in seconds: the n-th retry waits random(0, min(ceiling, base * 2**n))."""

    attempts: int = 6
    base: float = 0.5
    ceiling: float = 30.0
    total_wait: float = 300.0
    torn: int = 2


class Quota(Protocol):
    """What a source allows, shared by everything that calls it (see quota.py)."""

    def reserve(self, *, at_most: float) -> float:
        """Books the next free place and returns the seconds until it. Raises QuotaExhausted, booking nothing, beyond `at_most`."""
        ...

    def hold(self, seconds: float) -> None:
        """The source said to stay away this long: nobody gets a place before."""
        ...


@dataclass(frozen=True, kw_only=True)
class Answer:
    """json: the parsed body (None when empty, or when the request asked for text); text: the body as it came, only when asked for."""

    status: int
    headers: Mapping[str, str]
    url: str
    json: Json = None
    text: str = ""


class Rest:
    """HTTP to one source. Safe to use from several threads; `sleep` and `clock` are passed in, so tests wait for nothing."""

    def __init__(
        self, base_url: str, *, source: str, auth: Auth | None = None, headers: Mapping[str, str] | None = None,
        timeout: tuple[float, float] = (10.0, 60.0), retry: Retry | None = None, quota: Quota | None = None,
        verify: bool | str = True, allow_http: bool = False,
        max_bytes: int = 128 * 1024 * 1024, pool: int = 10,
        clock: Callable[[], datetime] = system_clock, sleep: Callable[[float], None] = time.sleep, chance: Callable[[], float] = random.random,
        pause: Callable[[requests.Response], float | None] = lambda response: None,
    ) -> None:
        """timeout: (connect, read) seconds. max_bytes: of one decompressed body. verify: True, or the path of a CA bundle; never False.

        pause: seconds to stay away, read from a refusal of a vendor that sends no Retry-After.
        """
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Misconfigured(f"{base_url!r} is not an http(s) address", source=source, mend="set the source's url, e.g. https://example.com")
        if parts.username or parts.password:
            raise Misconfigured("the url contains credentials", source=source, mend="take them out of the url; name environment variables instead")
        loopback = parts.hostname in LOOPBACK
        if parts.scheme == "http" and not loopback and not allow_http:
            raise Misconfigured("plain http would show the credentials to the network", source=source,
                                mend="use https, or set allow_http = true for this source")
        if verify is False:
            raise Misconfigured("TLS verification cannot be switched off", source=source, mend="set verify to the path of your company's CA bundle")
        self.base_url, self.source, self.quota = base_url.rstrip("/"), source, quota
        self._origin = origin(base_url)
        self._auth, self._retry, self._timeout, self._max_bytes = auth, retry or Retry(), timeout, max_bytes
        self._clock, self._sleep, self._chance, self._pause = clock, sleep, chance, pause
        self._headers = {"Accept": "application/json", "User-Agent": "Meridian/0.1", **(headers or {})}
        self._verify, self._trust_env, self._pool = verify, not loopback, pool   # a company's proxy is not for our own machine
        self._session = self._new_session()
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Rest({self.base_url!r}, source={self.source!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Rest holds credentials and is not pickled")

    def get(self, path: str, params: Mapping[str, Any] | Sequence[tuple[str, Any]] | None = None, *, stream: str = "", **options: Any) -> Json:
        """The parsed JSON of a GET. `path` is relative to the base URL, or a page link of the same origin."""
        return self.request("GET", path, params=params, stream=stream, **options).json

    def request(
        self, method: str, path: str, *, params: Mapping[str, Any] | Sequence[tuple[str, Any]] | None = None, json: Json = None, data: Any = None,
        headers: Mapping[str, str] | None = None, stream: str = "", idempotent: bool | None = None, as_text: bool = False,
        allow: Collection[int] = (), quota: Quota | None = None,
    ) -> Answer:
        """One request with all its patience. idempotent: may be sent twice (default: GET and HEAD). allow: 4xx that the caller understands.

        quota: of an endpoint that has a limit of its own; the source's general one and its day's budget count it, too.
        """
        url = self.url_of(path, stream=stream)
        may_repeat = idempotent if idempotent is not None else method.upper() in ("GET", "HEAD")
        quotas = [limit for limit in (quota, self.quota) if limit is not None]
        waited, tries, torn, limited = 0.0, 0, 0, 0
        while True:
            if quotas:
                waited += self._wait(max([limit.reserve(at_most=self._retry.total_wait - waited) for limit in quotas]))
            failure: SourceError
            pause: float | None = None
            try:
                response = self._send(method, url, params=params, json=json, data=data, headers=headers, stream=stream)
                answer = self._judge(response, stream=stream, as_text=as_text, allow=allow)
                if isinstance(answer, Answer):
                    return answer
                failure, pause = answer
                if response.status_code == 429:
                    limited += 1
                    if pause is not None and quotas:
                        quotas[0].hold(pause)
                else:
                    tries += 1
            except _Torn as torn_answer:
                torn += 1
                failure = UnexpectedShape(self.redact(str(torn_answer)), source=self.source, stream=stream,
                                          mend="if it stays so, look at this address in a browser")
                if torn > self._retry.torn:
                    raise failure from None
            except requests.exceptions.SSLError as error:
                raise Unreachable(self.redact(f"TLS failed: {error}"), source=self.source, stream=stream,
                                  mend="set verify to the path of your company's CA bundle if it signs its own certificates") from None
            except (requests.exceptions.RequestException, OSError) as error:
                tries += 1
                failure = Unreachable(self.redact(f"{method} {path_of(url)}: {reason(error)}"), source=self.source, stream=stream,
                                      mend="the next run tries again; check that the system is up")
            if not may_repeat or tries >= self._retry.attempts or limited >= 4 * self._retry.attempts:
                raise failure from None
            jitter = self._chance() * min(self._retry.ceiling, self._retry.base * 2 ** (tries + torn + limited - 1))
            pause = jitter if pause is None else pause + self._chance() * self._retry.base
            if waited + pause > self._retry.total_wait:
                raise failure from None
            log.info("%s: waiting %.1f s before asking again: %s", self.source, pause, failure)
            waited += self._wait(pause)

    def requests_made(self, stream: str) -> int:
        """Requests sent for `stream`, retries included."""
        with self._lock:
            return self._counts[stream]

    def note_request(self, stream: str) -> None:
        """Counts one that was sent for `stream` past this object: of a file that lies elsewhere."""
        with self._lock:
            self._counts[stream] += 1

    def renew(self, auth: Auth) -> None:
        """From now on requests are signed with `auth`: of a token that expires only the connector knows how to get another."""
        self._auth = auth

    def close(self) -> None:
        self._session.close()

    def redact(self, text: str) -> str:
        for secret in self._auth.hidden if self._auth else ():
            if secret:
                text = text.replace(secret, "***")
        return text

    def url_of(self, path: str, *, stream: str = "") -> str:
        """The whole address of `path`; an absolute one must be of our own origin, because credentials go with it."""
        if "://" not in path:
            return f"{self.base_url}/{path.lstrip('/')}"
        if origin(path) != self._origin:
            raise UnexpectedShape(f"the source's link leads to another host, {urlsplit(path).hostname}", source=self.source, stream=stream,
                                  mend="set the source's url to the address that its links use")
        return path

    # ---- one attempt

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = self._trust_env
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=self._pool, max_retries=0)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session

    def _wait(self, seconds: float) -> float:
        if seconds > 0:
            self._sleep(seconds)
        return max(0.0, seconds)

    def _send(self, method: str, url: str, *, params: Any, json: Json, data: Any, headers: Mapping[str, str] | None, stream: str) -> requests.Response:
        """Sends, follows redirects, and reads the whole body within its bounds (kept in response._content)."""
        sent = {**self._headers, **(headers or {})}
        at_home = True
        for _ in range(6):
            at_home = at_home and origin(url) == self._origin   # once away, always away: a foreign host does not steer our credentials
            self.note_request(stream)
            started = self._clock()
            # An own `auth` callable also keeps the library from adding what it finds for a host in ~/.netrc. Away from home: a session
            # without cookies, headers of the caller or credentials.
            session = self._session if at_home else self._new_session()
            response = session.request(
                method, url, params=params, json=json if at_home else None, data=data if at_home else None,
                headers=sent if at_home else {"Accept": sent["Accept"], "User-Agent": sent["User-Agent"]}, auth=self._sign if at_home else unsigned,
                timeout=self._timeout, verify=self._verify, allow_redirects=False, stream=True)
            try:
                response._content = self._body(response, started)
            finally:
                response.close()
                if not at_home:
                    session.close()
            log.debug("%s %s %s: %s, %d bytes", self.source, method, self.redact(path_of(url)), response.status_code, len(response.content))
            target = response.headers.get("Location")
            if response.status_code not in REDIRECTS or not target:
                return response
            url, params = urljoin(response.url, target), None   # the target names its own parameters
            if method.upper() not in ("GET", "HEAD"):
                raise UnexpectedShape(f"{method} was redirected to {urlsplit(url).hostname}", source=self.source, stream=stream,
                                      mend="set the source's url to the address it redirects to; writing is never sent on")
        raise UnexpectedShape("redirected more than 5 times", source=self.source, stream=stream, mend="open the source's url in a browser")

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._auth is not None:
            request.headers[self._auth.header] = self._auth.value
        return request

    def _body(self, response: requests.Response, started: datetime) -> bytes:
        """The decompressed body. Bounded in size, and in time too: a server that drips a byte a second never hits the read time-out."""
        pieces, size = [], 0
        for piece in response.iter_content(64 * 1024):
            size += len(piece)
            if size > self._max_bytes:
                raise UnexpectedShape(f"an answer of more than {self._max_bytes} bytes", source=self.source, mend="ask for smaller pages")
            if self._clock() - started > timedelta(seconds=10 * self._timeout[1]):
                raise requests.exceptions.ReadTimeout(f"the answer was not complete after {10 * self._timeout[1]:.0f} s")
            pieces.append(piece)
        return b"".join(pieces)

    def _judge(self, response: requests.Response, *, stream: str, as_text: bool, allow: Collection[int]) -> Answer | tuple[SourceError, float | None]:
        """The answer, or the failure to raise if it is not to be asked again, with the pause in seconds that the source wants."""
        status = response.status_code
        where: dict[str, Any] = {"source": self.source, "stream": stream}
        pause = self._retry_after(response)
        what = ""
        if status >= 400:              # not of every answer: to look for a message in a page of records, it is parsed and written once more
            what = self.redact(f"{status} for {response.request.method} {path_of(response.url)}: {vendor_message(response)}")
        if status == 429:
            pause = self._pause(response) if pause is None else pause
            at = self._clock() + timedelta(seconds=pause if pause is not None else 60)
            return QuotaExhausted(what, retry_at=at, mend=f"carries on by itself after {at:%H:%M:%S} UTC", **where), pause
        if status in RETRIED:
            return Unreachable(what, mend="the next run tries again", **where), pause
        if status >= 500:
            raise Unreachable(what, mend="the next run tries again", **where)
        if status in (401, 403) and status not in allow:
            raise Refused(what, mend="renew the credential" if status == 401 else "give the credential's user the right to read this", **where)
        if status >= 400 and status not in allow:
            raise UnexpectedShape(what, mend="the source does not know this request: check its url, version and options", **where)
        if as_text:
            return Answer(status=status, headers=response.headers, url=response.url, text=response.text)
        if not response.content.strip():
            return Answer(status=status, headers=response.headers, url=response.url)
        if is_html(response):
            if asks_for_login(response):
                raise Refused("the answer is a login page", mend="the session or token has expired, or single sign-on stands before the API", **where)
            raise _Torn(f"{path_of(response.url)} answered with a web page ({vendor_message(response)}) instead of JSON")
        try:
            return Answer(status=status, headers=response.headers, url=response.url, json=parsed(response.content))
        except (ValueError, RecursionError) as error:
            raise _Torn(f"{path_of(response.url)}: {len(response.content)} bytes that are not whole JSON ({error})") from None

    def _retry_after(self, response: requests.Response) -> float | None:
        """Seconds to stay away. A date is compared with the server's own Date header, so that a wrong clock on either side does no harm."""
        text = response.headers.get("Retry-After", "").strip()
        if re.fullmatch(r"\d+(\.\d+)?", text):
            return float(text)
        until = http_date(text)
        if until is None:
            return None
        now = http_date(response.headers.get("Date", "")) or self._clock()
        return max(0.0, (until - now).total_seconds())


class _Torn(Exception):
    """A 200 whose body is not whole JSON."""


def unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """For a host that is not ours: without what the library finds for it in ~/.netrc, too."""
    request.headers.pop("Authorization", None)
    return request
