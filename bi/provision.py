"""Bring Superset to what the files of this folder say, through its own API: import, and removal of what the files no longer name."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import requests

from bi.bundle import DATABASE, File, packed

ADMIN = "admin"
PATIENCE = 120          # seconds; an import of both languages took 9 on an idle machine


class CannotProvision(Exception):
    """Superset refused; the text has its words."""


def sign_in(url: str, password: str) -> requests.Session:
    """A session that may change things: bearer token, and the token against forged requests, which Superset wants beside it."""
    session = requests.Session()
    body = {"username": ADMIN, "password": password, "provider": "db", "refresh": False}
    session.headers["Authorization"] = f"Bearer {_asked(session.post(f'{url}/api/v1/security/login', json=body, timeout=PATIENCE))['access_token']}"
    session.headers["X-CSRFToken"] = _asked(session.get(f"{url}/api/v1/security/csrf_token/", timeout=PATIENCE))["result"]
    session.headers["Referer"] = url
    return session


def provision(url: str, session: requests.Session, files: Mapping[str, File]) -> dict[str, int]:
    """Import the bundle over what is there. Returns how many of each kind are ours then."""
    bundle = {"bundle": ("meridian.zip", io.BytesIO(packed(files)), "application/zip")}
    _asked(session.post(f"{url}/api/v1/assets/import/", files=bundle, timeout=PATIENCE))
    wanted = {str(content["uuid"]) for content in files.values() if "uuid" in content}
    counted = {"database": 1}
    # Dashboards before their charts, charts before their datasets.
    for kind in ("dashboard", "chart", "dataset"):
        ours = list(_ours(url, session, kind))
        for one in ours:
            if one["uuid"] not in wanted:
                _asked(session.delete(f"{url}/api/v1/{kind}/{one['id']}", timeout=PATIENCE))
        counted[kind] = sum(one["uuid"] in wanted for one in ours)
    return counted


def _ours(url: str, session: requests.Session, kind: str) -> Iterator[dict[str, Any]]:
    raise NotImplementedError


def listed(url: str, session: requests.Session, kind: str) -> Iterator[dict[str, Any]]:
    """All of a kind ('database', 'dataset', 'chart', 'dashboard')."""
    page = 0
    while True:
        answer = _asked(session.get(f"{url}/api/v1/{kind}/", params={"q": f"(page:{page},page_size:100,order_column:changed_on_delta_humanized,order_direction:asc)"}, timeout=PATIENCE))
        yield from answer["result"]
        page += 1
        if page * 100 >= answer["count"]:
            return


def _asked(answer: requests.Response) -> Any:
    if answer.status_code >= 400:
        path = answer.request.path_url.split("?")[0]
        raise CannotProvision(f"Superset says {answer.status_code} to {answer.request.method} {path}: {answer.text[:2000]}")
    return answer.json()
