"""Requests to a target, and what their fate says of the effect. A request that changes something is sent once; whoever asks for it decides what comes next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import requests
import urllib3

from flows.alerting.channels.http import never_connected, retry_after
from flows.automation.contract import Json, Refused, Unanswered, Unavailable, Unrecognized

TIMEOUT = (10.0, 60.0)          # seconds to connect, seconds for the answer
_WORDS = 300                    # characters that we repeat of a refusal


class Http:
    """One target's API. headers: credentials and the like, sent with every request, shown nowhere. defaults: for parameters that a playbook leaves out."""

    def __init__(self, base: str, headers: Mapping[str, str], *, defaults: Mapping[str, str] | None = None) -> None:
        if not base.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise Refused(f"{base!r}: credentials that may write go over https only")
        self.base, self._headers, self._timeout = base.rstrip("/"), {"Accept": "application/json", "User-Agent": "meridian", **headers}, TIMEOUT
        self.defaults = dict(defaults or {})
        self._session = requests.Session()

    def __enter__(self) -> Http:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._session.close()

    def get(self, path: str, params: Mapping[str, Any] | Sequence[tuple[str, str]] | None = None, *, none_for: tuple[int, ...] = ()) -> Json:
        """What is there; None for the statuses in `none_for`. Raises Unavailable for whatever a later try may mend, since nothing is changed by looking."""
        for is_last in (False, True):           # a kept connection may have been closed in the meantime; a new one tells
            try:
                return self._request("GET", path, params=params, none_for=none_for)
            except Unanswered as error:
                if is_last:
                    raise Unavailable(str(error)) from None
        return None

    def send(self, method: str, path: str, content: Json, *, headers: Mapping[str, str] | None = None) -> Json:
        """Change something, once."""
        return self._request(method, path, content=content, headers=headers)

    def _request(
        self, method: str, path: str, *, params: Any = None, content: Json = None, headers: Mapping[str, str] | None = None, none_for: tuple[int, ...] = (),
    ) -> Json:
        # A kept connection may have been closed by the target at the moment we write to it: then nobody knows whether the request was read.
        told = {**self._headers, **(headers or {}), **({"Connection": "close"} if method != "GET" else {})}
        try:
            # auth: as it is; without one, requests would put what ~/.netrc says of the host in the place of the headers' credentials.
            response = self._session.request(method, f"{self.base}/{path}", params=params, json=content, headers=told, auth=lambda request: request,
                                             timeout=self._timeout, allow_redirects=False)
        except (requests.exceptions.ConnectTimeout, requests.exceptions.SSLError, requests.exceptions.ProxyError) as error:
            raise Unavailable(f"no connection to {self.base}: {type(error).__name__}") from None
        except requests.exceptions.ConnectionError as error:
            if never_connected(error):
                raise Unavailable(f"no connection to {self.base}: refused, or no such host") from None
            raise Unanswered(f"{method} {path}: the connection broke before an answer came") from None
        except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError):
            raise Unanswered(f"{method} {path}: no answer within {self._timeout[1]:.0f} s") from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise Unanswered(f"{method} {path}: the answer could not be read ({type(error).__name__})") from None
        return _judged(method, path, response, none_for)


def _judged(method: str, path: str, response: requests.Response, none_for: tuple[int, ...]) -> Json:
    status = response.status_code
    if status in none_for:
        return None
    words = f"{method} {path}: HTTP {status} {' '.join(response.text.split())}"[:_WORDS].rstrip()
    if status == 429:
        raise Unavailable(words, after=retry_after(response.headers.get("Retry-After"), datetime.now(UTC)))
    if status >= 500 or status == 408:
        raise Unanswered(words)
    if status == 401:
        raise Unavailable(f"{words} (the credential is refused)")
    if 300 <= status < 400:
        raise Unrecognized(f"{method} {path}: sent on to another address; set the target's url to where it is now")
    if status >= 400:
        raise Refused(words)
    if not response.content.strip():
        return None
    try:
        return json.loads(response.content)
    except ValueError:
        # A page for people where an answer for programs belongs: a login page, a proxy's word. Whether what we asked for went behind it is not known.
        raise (Unrecognized if method == "GET" else Unanswered)(f"{method} {path}: the answer is no JSON") from None


def queue_of(session: Http, given: Mapping[str, str]) -> str:
    """Where a task is opened: as the playbook says, or as the target says for all of them."""
    queue = given.get("queue") or session.defaults["queue"]
    if not queue:
        raise Refused("where to open it? Write `queue` in the step, or `tasks` in the target")
    return queue


def instant(text: str) -> datetime:
    """A day or an instant as the marts say it, in UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is no day and no instant") from None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def ticket_number(key: str) -> str:
    """A helpdesk's own number: 'helpdesk:1200' of the marts is its 1200."""
    number = key.rpartition(":")[2]
    if not number.isdigit():
        raise Refused(f"{number!r} is no ticket's number")
    return number
