# SPDX-License-Identifier: GPL-3.0-or-later
# GPL-3 because it imports trytond, which is GPL-3. Runs only in the Tryton environment.
"""Tryton's own web application on a port of 127.0.0.1, under the company's clock: it starts at the given instant and ticks.

Run as: python serve.py FOLDER PORT INSTANT READY-FILE. Port 0 takes a free one; READY-FILE gets the port once requests are answered.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime
from pathlib import Path

import boot
import time_machine


def serve(folder: Path, port: int, start: datetime, ready: Path) -> None:
    boot.configure(folder)
    os.environ["TRYTOND_DATABASE_NAMES"] = boot.DATABASE
    from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

    class Handler(WSGIRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """The path without its query: domains are long and of no use in a log."""
            self.log("info", '"%s %s" %s', self.command, self.path.split("?")[0], code)

    with time_machine.travel(start, tick=True):
        from trytond.application import app

        server = ThreadedWSGIServer("127.0.0.1", port, app, handler=Handler)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        ready.write_text(str(server.server_port))
        server.serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), datetime.fromisoformat(sys.argv[3]), Path(sys.argv[4]))
