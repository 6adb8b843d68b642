"""Requests of the tests' own to a Prefect server."""

from __future__ import annotations

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry


def patient() -> requests.Session:
    """A server whose SQLite is busy answers 503, having done nothing, and is asked again for half a minute. Whoever sees that in the UI
    presses again; Prefect's own client asks again as well."""
    session = requests.Session()
    session.headers["Connection"] = "close"       # the server closes one that was idle for 5 s, perhaps just when it is used again
    session.mount("http://127.0.0.1", HTTPAdapter(max_retries=Retry(
        connect=0, read=0, redirect=0, status=7, backoff_factor=0.25, status_forcelist=(429, 503), allowed_methods=None, raise_on_status=False)))
    return session


PREFECT = patient()
