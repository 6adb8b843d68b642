"""Make Superset's own database: its tables and its roles, nobody in it yet. Runs inside Superset's environment; once for each version of it."""

from __future__ import annotations

import flask_migrate
from superset.app import create_app

app = create_app()
with app.app_context():
    flask_migrate.upgrade()
    app.appbuilder.add_permissions(update_perms=True)
    app.appbuilder.sm.sync_role_definitions()
