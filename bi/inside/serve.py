"""Serve Superset: `serve.py <port, 0: any> <file to write the port to>`. Runs inside Superset's environment, on 127.0.0.1, one process with eight threads.

Superset's own start adds nobody, so the administrator is made here, with the password that the secrets file has by then.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import waitress
from superset.app import create_app
from superset_config import HOME

ADMIN = "admin"


def main(port: str, ready: str) -> None:
    app = create_app()
    with app.app_context():
        sm = app.appbuilder.sm
        password = json.loads((HOME / "secrets.json").read_text(encoding="utf-8"))["admin_password"]
        person = sm.find_user(username=ADMIN)
        if person is None:
            sm.add_user(ADMIN, "Meridian", "Administrator", "admin@localhost", sm.find_role("Admin"), password=password)
    server = waitress.create_server(app, host="127.0.0.1", port=int(port), threads=8)
    aside = Path(ready).with_suffix(".new")
    aside.write_text(str(server.effective_port), encoding="utf-8")
    aside.replace(ready)
    server.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
