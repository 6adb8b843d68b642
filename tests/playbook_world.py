"""What a sandbox company's systems need so that every shipped playbook has something to do, and what they hold afterwards: past their interfaces, from their
own databases."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from flows.store.intents import Intent

ROLES: Mapping[str, str] = {
    "complaint_escalation": "customer_service_lead", "improvement_loop": "operations_lead", "losing_campaign": "marketing_lead",
    "order_rekeying": "fulfilment_lead", "order_surge": "operations_lead", "procedure_correction": "operations_lead", "quiet_key_account": "sales_lead",
    "stale_opportunity": "sales_lead", "supplier_contingency": "supply_lead", "uncovered_shift": "customer_service_lead",
}
MANY = 30           # orders more than usual, in one warehouse and one week: far beyond chance in a small company


def rows(database: Path, query: str, *values: Any) -> list[Any]:
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        return [row[0] for row in connection.execute(query, values)]


def plant_surge(box: Path, last_day: date) -> None:
    """The newest orders of the warehouse that has fewest come again and again within the week, with their lines and what was recorded of them."""
    with closing(sqlite3.connect(box / "tryton" / "company.sqlite", timeout=60)) as connection, connection:
        (warehouse,) = connection.execute(
            "select warehouse from sale_sale where state = 'processing' and sale_date > ? group by 1 order by count(*) limit 1",
            [(last_day - timedelta(days=90)).isoformat()]).fetchone()
        models = [sale for (sale,) in connection.execute(
            "select id from sale_sale where warehouse = ? and state = 'processing' and sale_date > ? order by id desc limit ?",
            [warehouse, (last_day - timedelta(days=7)).isoformat(), MANY])]
        for number in range(MANY):
            model = models[number % len(models)]
            sale = _again(connection, "sale_sale", model, {"number": f"SOX{number:05d}"})
            for (line,) in connection.execute("select id from sale_line where sale = ?", [model]).fetchall():
                _again(connection, "sale_line", line, {"sale": sale})
            for (event,) in connection.execute("select id from ir_model_log where resource = ?", [f"sale.sale,{model}"]).fetchall():
                _again(connection, "ir_model_log", event, {"resource": f"sale.sale,{sale}"})


def forget_complaint(box: Path) -> None:
    """The newest complaint that was decided about was not: it still waits, and its limit is past."""
    with closing(sqlite3.connect(box / "tryton" / "company.sqlite", timeout=60)) as connection, connection:
        (complaint,) = connection.execute("select max(id) from sale_complaint where state in ('done', 'rejected')").fetchone()
        connection.execute("update sale_complaint set state = 'waiting' where id = ?", [complaint])
        connection.execute("delete from ir_model_log where resource = ? and event = 'transition' and target <> 'state:waiting'", [f"sale.complaint,{complaint}"])


def _again(connection: sqlite3.Connection, table: str, identity: int, changes: Mapping[str, Any]) -> int:
    names = [row[1] for row in connection.execute(f"pragma table_info({table})") if row[1] != "id"]
    values = ", ".join("?" if name in changes else f'"{name}"' for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    made = connection.execute(f"insert into {table} ({columns}) select {values} from {table} where id = ?", [*(changes[name] for name in names if name in changes), identity])
    return int(made.lastrowid or 0)


class Helpdesk:
    """The real Request Tracker, asked as one who works in it: its own REST interface, with the working account's key."""

    def __init__(self, box: Path) -> None:
        facts = json.loads((box / "request_tracker.json").read_text(encoding="utf-8"))
        secrets = dict(line.split("=", 1) for line in (box / "secrets.env").read_text(encoding="utf-8").splitlines() if "=" in line)
        self._url, self._headers = f"{facts['url']}/REST/2.0", {"Authorization": f"token {secrets[facts['write_token_env']]}"}
        self.database = box / "rt.sqlite"

    def _send(self, method: str, path: str, content: Any) -> Any:
        answer = requests.request(method, f"{self._url}/{path}", json=content, headers=self._headers, timeout=120)
        assert answer.ok, answer.text
        return answer.json()

    def skips_a_step(self) -> int:
        """A ticket that is solved and was never answered."""
        (requester,) = rows(self.database, "select EmailAddress from Users where Organization like 'C0%' order by id limit 1")
        made = self._send("POST", "ticket", {"Queue": "Support EMEA", "Subject": "Where is my order?", "Requestor": requester, "Content": "Nobody answers."})
        self._send("PUT", f"ticket/{made['id']}", {"Owner": "meridian-writer"})
        self._send("PUT", f"ticket/{made['id']}", {"Status": "resolved"})
        return int(made["id"])

    def makes_it_good(self, ticket: int) -> None:
        self._send("POST", f"ticket/{ticket}/correspond", {"Subject": "Re: Where is my order?", "Content": "It left yesterday, and we are sorry.", "ContentType": "text/plain"})
        # The working account is a robot's, and a robot's answer is none: a colleague gave this one.
        with closing(sqlite3.connect(self.database, timeout=60)) as connection, connection:
            (agent,) = connection.execute("select Tickets.Owner from Tickets join Users on Users.id = Tickets.Owner where Users.Name not in ('Nobody', 'root') "
                                          "and Users.Name not like 'meridian-%' order by Tickets.id desc limit 1").fetchone()
            connection.execute("update Transactions set Creator = ? where ObjectType = 'RT::Ticket' and ObjectId = ? and Type = 'Correspond'", [agent, ticket])


def covers(drop: Path, starts_at: datetime, ends_at: datetime, team: str, agent: str) -> None:
    """Somebody writes the shift into the roster."""
    file = drop / f"rosters-{starts_at:%Y-%m}.csv"
    with file.open(encoding="utf-8", newline="") as lines:
        header = next(csv.reader(lines))
    row = {"agent": agent, "team": team, "starts_at": f"{starts_at.replace(tzinfo=UTC).isoformat()}", "ends_at": f"{ends_at.replace(tzinfo=UTC).isoformat()}"}
    with file.open("a", encoding="utf-8", newline="") as out:
        csv.DictWriter(out, header, restval="", lineterminator="\n").writerow({name: value for name, value in row.items() if name in header})


def there(box: Path, drop: Path, intent: Intent) -> bool:
    """Whether the system really has what a verified intent says, once."""
    given, marker, rt, tryton = intent.parameters, intent.marker, box / "rt.sqlite", box / "tryton" / "company.sqlite"
    number = given.get("ticket", "").rpartition(":")[2]
    truth: dict[str, Callable[[], bool]] = {
        "tryton.set_campaign_active": lambda: rows(tryton, "select active from marketing_campaign where name = ?", given["campaign"]) == [given["active"] == "yes"],
        "tryton.move_purchase_line": lambda: rows(
            tryton, "select party_party.code from purchase_line join purchase_purchase on purchase_purchase.id = purchase join party_party on party_party.id = party "
            "where purchase_line.id = ?", int(given["line"].rpartition(":")[2])) == [given["supplier"]],
        "request_tracker.open_task": lambda: len(rows(rt, "select id from Tickets where Subject like ? and Status <> 'deleted'", f"%({marker})")) == 1,
        "request_tracker.note": lambda: len(rows(
            rt, "select id from Transactions where ObjectType = 'RT::Ticket' and ObjectId = ? and Type = 'Comment' and Data like ?", number, f"%{marker}%")) == 1,
        "request_tracker.set_priority": lambda: rows(rt, "select Priority from Tickets where id = ?", number) == [intent.wanted["priority"]],
        "request_tracker.assign": lambda: rows(
            rt, "select Users.Name from Tickets join Users on Users.id = Tickets.Owner where Tickets.id = ?", number) == [given["owner"]],
        "request_tracker.close_task": lambda: rows(rt, "select Status from Tickets where id = ?", number) == ["resolved"],
        "request_tracker.set_autoreply": lambda: notice(box) == given["text"],
        "portal.enter_order": lambda: rows(
            box / "portal" / "state.sqlite", "select count(*) from items where kind = 'orders' and json_extract(body, '$.cust_ref') = ?", given["reference"]) == [1],
        "register.add_project": lambda: [row["project"] for row in csv.DictReader((drop / "projects.csv").open(encoding="utf-8-sig"))].count(given["project"]) == 1,
    }
    return truth[intent.action]()


def notice(box: Path) -> str:
    """What the automatic reply of the queue says besides."""
    found = rows(box / "rt.sqlite", "select coalesce(nullif(LargeContent, ''), Content) from ObjectCustomFieldValues where ObjectType = 'RT::Queue' and Disabled = 0")
    return str(found[0]) if found else ""
