"""One Request Tracker in a folder of its own: where its things lie and how it is configured.

Everything that RT would take from /etc or /var is pointed into the home folder, so several can run side by side.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.apt import search_path
from sandbox.company.plan import Plan
from sandbox.request_tracker.operations import PRIORITIES, levels

LIBRARY = "/usr/share/request-tracker5/lib"
TOKEN_VARIABLE = "REQUEST_TRACKER_TOKEN"                # noqa: S105 - a name; the reading account's, for the connector
WRITE_TOKEN_VARIABLE = "REQUEST_TRACKER_WRITE_TOKEN"    # noqa: S105 - a name; the working account's, for automations


@dataclass(frozen=True, kw_only=True)
class Home:
    """Paths of one instance; `root` may be relative, the rest is absolute."""

    root: Path

    @property
    def base(self) -> Path:
        return self.root.resolve()

    @property
    def configuration(self) -> Path:
        return self.base / "RT_SiteConfig.pm"

    @property
    def agreements(self) -> Path:
        return self.base / "agreements.part"

    @property
    def database(self) -> Path:
        return self.base / "rt.sqlite"

    @property
    def facts(self) -> Path:
        return self.base / "request_tracker.json"

    @property
    def secrets(self) -> Path:
        return self.base / "secrets.env"

    @property
    def pid(self) -> Path:
        return self.base / "server.pid"

    @property
    def log(self) -> Path:
        return self.base / "log" / "server.log"

    def environment(self) -> dict[str, str]:
        """What RT's programs need to find this home and nothing else's."""
        keep = {key: value for key, value in os.environ.items() if not key.startswith(("RT_", "PERL5", "FAKETIME", "LD_PRELOAD"))}
        return {**keep, "PATH": search_path(), "RT_SITE_CONFIG": str(self.configuration), "RT_SITE_CONFIG_DIR": str(self.base / "none.d"), "TZ": "UTC",
                "LC_ALL": "C.UTF-8"}


def prepare(home: Home) -> None:
    """Makes the folders; they are the owner's alone, since sessions and logs lie there."""
    for folder in ("", "log", "mason", "sessions", "none.d", "mail"):
        (home.base / folder).mkdir(mode=0o700, parents=True, exist_ok=True)


def configure(home: Home, *, port: int) -> None:
    """Writes the site configuration for a server on 127.0.0.1:`port`."""
    prepare(home)
    base = home.base
    labels = ", ".join(f"{name.capitalize()} => {number}" for name, number in PRIORITIES.items())
    home.configuration.write_text(
        f"""# Written by sandbox/request_tracker/home.py.
Set($rtname, 'meridian');
Set($Organization, 'meridian.example');
Set($WebDomain, '127.0.0.1');
Set($WebPort, {port});
Set($WebBaseURL, 'http://127.0.0.1:{port}');
Set($Timezone, 'UTC');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, {_quoted(str(home.database))});
Set($BcryptCost, 4);      # the default, 12, costs 450 ms of every request that carries a token
Set($MailCommand, 'mbox');
Set($WebSecureCookies, 0);
Set($LogToSyslog, undef);
Set($LogToSTDERR, 'error');
Set($LogToFile, undef);
Set($WebSessionClass, 'Apache::Session::File');
Set($HTMLFormatter, 'core');
Set(%PriorityAsString, Default => {{ {labels} }});
Set(%Lifecycles, default => {{
    initial => ['new'], active => ['open', 'stalled'], inactive => ['resolved', 'closed', 'rejected', 'deleted'],
    defaults => {{ on_create => 'new', approved => 'open', denied => 'rejected', reminder_on_open => 'open', reminder_on_resolve => 'resolved' }},
    transitions => {{
        ''       => [qw(new open resolved)],
        new      => [qw(open stalled resolved closed rejected deleted)],
        open     => [qw(new stalled resolved closed rejected deleted)],
        stalled  => [qw(new open resolved closed rejected deleted)],
        resolved => [qw(new open stalled closed rejected deleted)],
        closed   => [qw(new open stalled resolved deleted)],
        rejected => [qw(new open stalled resolved deleted)],
        deleted  => [qw(new open stalled resolved rejected)],
    }},
    rights  => {{ '* -> deleted' => 'DeleteTicket', '* -> *' => 'ModifyTicket' }},
    actions => [],
}});
$RT::MasonDataDir = {_quoted(str(base / 'mason'))};
$RT::MasonSessionDir = {_quoted(str(base / 'sessions'))};
{home.agreements.read_text(encoding="utf-8") if home.agreements.exists() else ""}
1;
""",
        encoding="utf-8",
    )


def write_agreements(home: Home, plan: Plan) -> None:
    """Service levels and business hours of the plan in RT's own words; RT then keeps every ticket's due date itself."""
    hours = []
    for calendar in plan.calendars:
        days = []
        for number, weekday in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat")):
            spans = calendar.hours.get(weekday, ())
            if spans:       # RT knows one span a day: from the first opening to the last closing
                days.append(f"{number} => {{ Name => '{weekday}', Start => '{spans[0][0]}', End => '{spans[-1][1]}' }}")
        holidays = ", ".join(f"'{day.isoformat()}'" for day in calendar.holidays)
        hours.append(f"    {_quoted(calendar.name)} => {{ {', '.join(days)}, holidays => [{holidays}] }},")
    zones = {calendar.name: calendar.time_zone for calendar in plan.calendars}
    agreements = []
    for name, priority, policy in levels(plan):
        pause = "IgnoreOnStatuses => ['stalled'], ExcludeTimeOnIgnoredStatuses => 1" if policy.pauses_on_pending else ""
        agreements.append(
            f"    {_quoted(name)} => {{ BusinessHours => {_quoted(policy.calendar)}, Timezone => {_quoted(zones.get(policy.calendar, 'UTC'))}, "
            f"Resolve => {{ BusinessMinutes => {policy.resolution_minutes[priority]}, {pause} }} }},"
        )
    home.agreements.write_text(
        "Set(%ServiceBusinessHours,\n" + "\n".join(hours) + "\n);\nSet(%ServiceAgreements, Levels => {\n" + "\n".join(agreements) + "\n});\n",
        encoding="utf-8",
    )


def read_facts(home: Home) -> dict[str, Any]:
    """What the last step wrote down about this instance; empty before `load`."""
    if not home.facts.exists():
        return {}
    facts: dict[str, Any] = json.loads(home.facts.read_text(encoding="utf-8"))
    return facts


def write_facts(home: Home, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Adds to the facts, whole or not at all."""
    facts = {**read_facts(home), **changes}
    aside = home.facts.with_suffix(".new")
    aside.write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    aside.replace(home.facts)
    return facts


def write_secrets(home: Home, values: Mapping[str, str]) -> None:
    """Sets these lines of secrets.env and keeps those of other systems; readable by its owner alone from the first byte on."""
    values = {**read_secrets(home), **values}
    aside = home.secrets.with_suffix(".new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.writelines(f"{name}={value}\n" for name, value in values.items())
    aside.replace(home.secrets)


def read_secrets(home: Home) -> dict[str, str]:
    """secrets.env as a dictionary; empty when there is none."""
    if not home.secrets.exists():
        return {}
    lines = home.secrets.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
