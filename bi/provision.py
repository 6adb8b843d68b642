"""Bring Superset to what the files of this folder say, through its own API: import, and removal of what the files no longer name."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import requests

from bi.bundle import File, packed

ADMIN = "admin"
PATIENCE = 300          # seconds; an import of both languages takes 16 of CPU, and took 80 on a machine with twelve others at work


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
    """Import the bundle over what is there, then take away what earlier files named and these do not. Returns how many of each kind are ours.

    What people made in Superset themselves stays.
    """
    upload = {"bundle": ("meridian.zip", io.BytesIO(packed(files)), "application/zip")}
    _asked(session.post(f"{url}/api/v1/assets/import/", files=upload, timeout=PATIENCE))
    wanted = {str(content["uuid"]) for content in files.values() if "uuid" in content}
    counted = {}
    for kind in ("dashboard", "chart", "dataset"):      # dashboards before their charts, charts before their datasets
        found = list(listed(url, session, kind))
        for one in found:
            if uuid.UUID(one["uuid"]).version == 5 and one["uuid"] not in wanted:      # ours are derived from names, Superset's own are random
                _asked(session.delete(f"{url}/api/v1/{kind}/{one['id']}", timeout=PATIENCE))
        counted[kind] = sum(one["uuid"] in wanted for one in found)
    return counted


def listed(url: str, session: requests.Session, kind: str) -> Iterator[dict[str, Any]]:
    """All of a kind ('database', 'dataset', 'chart', 'dashboard')."""
    page = 0
    while True:
        asked = f"(page:{page},page_size:100,order_column:changed_on_delta_humanized,order_direction:asc)"
        answer = _asked(session.get(f"{url}/api/v1/{kind}/", params={"q": asked}, timeout=PATIENCE))
        yield from answer["result"]
        page += 1
        if page * 100 >= answer["count"]:
            return


def _asked(answer: requests.Response) -> Any:
    if answer.status_code >= 400:
        path = answer.request.path_url.split("?")[0]
        raise CannotProvision(f"Superset says {answer.status_code} to {answer.request.method} {path}: {answer.text[:2000]}")
    return answer.json()
