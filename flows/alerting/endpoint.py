"""The web side of links: GET shows, POST acts; small on purpose, and hard to misuse. And two addresses for machines: /healthz, /metrics.

Nothing is listed, nothing of an error is shown, no address is logged: whoever has a link may use it. Metrics name sources and channels: they are for who
brings the token, or, without one, for this machine alone.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from flows.alerting import clicks, pages
from flows.alerting.clicks import Action
from flows.alerting.notice import Language
from flows.store.ledger import Ledger

BODY_BYTES, NAME_CHARACTERS = 4096, 80
PER_ADDRESS, ALTOGETHER, WINDOW = 30, 300, 60.0         # requests in so many seconds
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{pages.STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",                   # the address is the permission: it must not travel on
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()", "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin", "X-Robots-Tag": "noindex",
}


class _TooLong(Exception):
    pass


@dataclass(frozen=True, kw_only=True)
class Machines:
    """What machines are answered. unready: why readers should not rely on us, [] when they may. metrics: as Prometheus reads it. token: for metrics; '' : this
    machine alone."""

    unready: Callable[[], list[str]] = lambda: []
    metrics: Callable[[], bytes] = lambda: b""
    metrics_type: str = "text/plain"
    token: str = ""

    def may_measure(self, request: Request, address: str, behind_proxy: bool) -> bool:
        if self.token:
            return hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {self.token}".encode())
        # What a proxy on this machine hands on comes from 127.0.0.1, too; proxies say so in one of these.
        is_handed_on = behind_proxy or any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via"))
        try:
            return not is_handed_on and ipaddress.ip_address(address).is_loopback
        except ValueError:
            return False


@dataclass
class Limiter:
    """Requests of each address and of all together in a sliding window. monotonic: seconds that never go back."""

    monotonic: Callable[[], float]
    _seen: OrderedDict[str, list[float]] = field(default_factory=OrderedDict)

    def allows(self, address: str) -> bool:
        now = self.monotonic()
        for who, most in ((address, PER_ADDRESS), ("", ALTOGETHER)):      # in this order one address cannot use up what is there for all
            recent = [at for at in self._seen.pop(who, []) if at > now - WINDOW]
            self._seen[who] = recent
            if len(recent) >= most:
                return False
            recent.append(now)
        while len(self._seen) > 10_000:                 # the oldest addresses; '' is the newest
            self._seen.popitem(last=False)
        return True


def make_app(
    ledger: Ledger, actions: Mapping[str, Action], key: str, *, clock: Callable[[], datetime], monotonic: Callable[[], float], behind_proxy: bool = False,
    machines: Machines | None = None,
) -> Any:
    """The ASGI application. behind_proxy: the proxy before us writes who asks into X-Forwarded-For; what stands there further left anybody may write."""
    limiter, logger, asked = Limiter(monotonic), logging.getLogger("meridian.serve"), machines or Machines()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        language: Language = "zh-CN" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"
        try:
            response = await answer(request, language)
        except ClientDisconnect:
            return
        except _TooLong:
            response = HTMLResponse(pages.plain("lost", language), 413)
        except Exception as error:
            logger.error("a request failed: %s", type(error).__name__)
            response = HTMLResponse(pages.plain("broken", language), 500)
        response.headers.update(HEADERS)
        await response(scope, receive, send)

    async def answer(request: Request, language: Language) -> Response:
        address = _address(request, behind_proxy)
        if not limiter.allows(address):
            return HTMLResponse(pages.plain("busy", language), 429, headers={"Retry-After": str(int(WINDOW))})
        path = request.scope["path"]
        if path == "/health" and request.method in ("GET", "HEAD"):
            return PlainTextResponse("ok\n")
        if path == "/healthz" and request.method in ("GET", "HEAD"):
            reasons = await run_in_threadpool(asked.unready)
            return PlainTextResponse("\n".join(reasons or ["ready"]) + "\n", 503 if reasons else 200)
        if path == "/metrics" and request.method in ("GET", "HEAD") and asked.may_measure(request, address, behind_proxy):
            return Response(await run_in_threadpool(asked.metrics), media_type=asked.metrics_type)
        token = path.removeprefix("/a/")
        if token == path or "/" in token:
            return HTMLResponse(pages.plain("lost", language), 404)
        if request.method in ("GET", "HEAD"):
            found = await run_in_threadpool(clicks.look, ledger, actions, key, token, clock())
        elif request.method == "POST":
            name = await _name(request)
            found = await run_in_threadpool(clicks.press, ledger, actions, key, token, name=name, address=address, now=clock())
        else:
            return HTMLResponse(pages.plain("lost", language), 405, headers={"Allow": "GET, HEAD, POST"})
        return HTMLResponse(pages.page(found, language), pages.STATUS[found.state])

    return app


async def _name(request: Request) -> str:
    """What was written into the page's form. Read only as far as its limit."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise _TooLong
    try:
        given = parse_qs(body.decode(errors="replace"), max_num_fields=5).get("name", [""])[0]
    except ValueError:
        return ""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in given).split())[:NAME_CHARACTERS]


def _address(request: Request, behind_proxy: bool) -> str:
    if behind_proxy and (forwarded := request.headers.get("x-forwarded-for")):
        return forwarded.rsplit(",", 1)[-1].strip()[:64]
    return request.client.host if request.client else "unknown"
