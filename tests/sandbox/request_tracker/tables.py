"""A Request Tracker database as comparable rows: every id replaced by what it stands for, headers (whose order is random in RT) as sets."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def comparable(database: Path) -> dict[str, list[str]]:
    """table -> its rows as sorted text; transactions carry their place in the order of ids."""
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        names = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table' and name not like 'sqlite%'")]
        tables: dict[str, list[Row]] = {name: [dict(row) for row in connection.execute(f'select * from "{name}" order by id')]
                                        for name in names if name.lower() != "sessions"}
    users = {row["id"]: row["Name"] for row in tables["Users"]}
    groups = {row["id"]: f"{row['Domain']}/{users.get(row['Instance'], '?') if row['Domain'] == 'ACLEquivalence' else row['Instance']}/{row['Name']}"
              for row in tables["Groups"]}
    principals = {**users, **groups}
    values = {row["id"]: f"{row['ObjectId']}/{row['CustomField']}={row['Content']}" for row in tables["ObjectCustomFieldValues"]}
    place: dict[int, str] = {}
    for number, row in enumerate(row for row in tables["Transactions"] if row["ObjectType"] == "RT::Ticket"):
        place[row["id"]] = f"{number:06d}"

    def transaction(row: Row) -> Row:
        row["id"] = place.get(row["id"], "")
        if row["ObjectType"] in ("RT::Group", "RT::User"):
            row["ObjectId"] = principals.get(row["ObjectId"], row["ObjectId"])
        if row["Field"] == "Owner":
            row["OldValue"], row["NewValue"] = users[int(row["OldValue"])], users[int(row["NewValue"])]
        if row["ReferenceType"] == "RT::ObjectCustomFieldValue":
            row["NewReference"] = values[row["NewReference"]]
        return row

    def attachment(row: Row) -> Row:
        headers = {line for line in row["Headers"].splitlines() if not line.startswith("RT-Message-ID")}
        return {**row, "id": "", "TransactionId": place[row["TransactionId"]], "Headers": sorted(headers)}

    def member(row: Row) -> Row:
        return {**row, "id": "", "GroupId": principals[row["GroupId"]], "MemberId": principals[row["MemberId"]]}

    def cached(row: Row) -> Row:
        return {**member(row), "Via": row["Via"] == row["id"] or f"via {row['Via']}", "ImmediateParentId": principals[row["ImmediateParentId"]]}

    special: dict[str, Callable[[Row], Row]] = {
        "Users": lambda row: {**row, "id": ""},
        "Principals": lambda row: {**row, "id": principals[row["id"]]},
        "Groups": lambda row: {**row, "id": "", "Instance": principals[row["id"]]},
        "GroupMembers": member,
        "CachedGroupMembers": cached,
        "Tickets": lambda row: {**row, "Owner": users[row["Owner"]]},
        "Transactions": transaction,
        "ObjectCustomFieldValues": lambda row: {**row, "id": ""},
        "Attachments": attachment,
    }
    result = {}
    for name, rows in tables.items():
        shaped = []
        for row in rows:
            for column in ("Creator", "LastUpdatedBy"):
                if column in row:
                    row[column] = users.get(row[column], row[column])
            shaped.append(repr(sorted(special.get(name, lambda same: same)(row).items())))
        result[name] = sorted(shaped)
    return result
