"""Superset's settings. Read inside its own environment; MERIDIAN_BI_HOME says where its state and its secrets are.

Nothing here reaches out: Superset's content security policy allows, as shipped, images from a counting service (`scarf`), map tiles and fonts
from other hosts; ours allows this server alone, so a browser refuses them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

HOME = Path(os.environ["MERIDIAN_BI_HOME"])

SECRET_KEY = json.loads((HOME / "secrets.json").read_text(encoding="utf-8"))["secret_key"]
SQLALCHEMY_DATABASE_URI = f"sqlite:///{HOME / 'superset.sqlite'}"
SQLALCHEMY_ENGINE_OPTIONS = {"connect_args": {"timeout": 30}}     # seconds: a dashboard's charts write their log lines at once
APP_NAME = "Meridian"
LANGUAGES = {"en": {"flag": "us", "name": "English"}, "zh": {"flag": "cn", "name": "简体中文"}}
RATELIMIT_STORAGE_URI = "memory://"                               # one process serves
PREVENT_UNSAFE_DB_CONNECTIONS = True
FEATURE_FLAGS = {"ALERT_REPORTS": False, "THUMBNAILS": False}
# Numbers change when a version is published, and only then can they: what DuckDB answers in milliseconds is not kept.
DATA_CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
ROW_LIMIT = SQL_MAX_ROW = 50_000
WTF_CSRF_TIME_LIMIT = None

TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": False,
}


def DB_CONNECTION_MUTATOR(uri: Any, params: dict[str, Any], username: str, security_manager: Any, source: Any) -> tuple[Any, dict[str, Any]]:
    """Open the file of the version that is current now, under its own name.

    `marts.duckdb` is a link to it. Opened under the link's name, DuckDB would hand out the old version for as long as any other query of this
    process has it open: it keeps one instance for each path.
    """
    if uri.drivername == "duckdb" and uri.database:
        uri = uri.set(database=os.path.realpath(uri.database))
    return uri, params
