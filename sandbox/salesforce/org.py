"""What happens to the records of a Salesforce organisation. The loader, a lived day and the tests all go through here, so all leave the same traces.

A record is kept as its fields by name, and two things that the API does not show: `visible_at` (seconds: when its transaction commits) and `purged`.
Pages cited are those of the vendor's developer documentation, by title.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.salesforce.schema import KINDS, types
from sandbox.stand_in.state import Item, State

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHECKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
# Which records follow the winner of a merge: (object, the field that names it).
FOLLOWERS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "Account": (("Contact", "AccountId"), ("Opportunity", "AccountId"), ("Case", "AccountId")), "Contact": (("Case", "ContactId"),), "Lead": ()}
DEAL = ("StageName", "Amount", "Probability", "CloseDate")      # what OpportunityHistory keeps


@dataclass(frozen=True, kw_only=True)
class Org:
    state: State

    def now(self) -> int:
        return self.state.stamp()


def iso(at: int) -> str:
    """Seconds as the API shows an instant."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def identity_of(of: str, number: int) -> str:
    """An id of 18 characters ("ID Field Type"): 15 that matter, to the base of 62, and three that say which of them are capital letters."""
    text = ""
    for _ in range(9):
        number, digit = divmod(number, 62)
        text = DIGITS[digit] + text
    short = f"{KINDS[of].prefix}5fA{text}"
    return short + "".join(CHECKS[sum(1 << place for place, letter in enumerate(short[first:first + 5]) if letter.isupper())] for first in (0, 5, 10))


def visible_fields(org: Org, of: str) -> dict[str, str]:
    """Name -> type of what our user may see ("Field-Level Security"): new fields come, hidden ones are not even described."""
    hidden = org.state.fact(f"hidden {of}", [])
    return {name: kind for name, kind in {**types(of), **org.state.fact(f"added {of}", {})}.items() if name not in hidden}


def add_field(org: Org, of: str, name: str, kind: str = "string") -> None:
    org.state.set_fact(f"added {of}", {**org.state.fact(f"added {of}", {}), name: kind})


def hide_field(org: Org, of: str, name: str) -> None:
    org.state.set_fact(f"hidden {of}", [*org.state.fact(f"hidden {of}", []), name])


def create(org: Org, of: str, values: Mapping[str, Any], *, at: int, number: int | None = None, visible_at: int = 0) -> str:
    if number is None:
        (number,) = org.state.next_ids(of, first=900_000_001)
    kind, identity = KINDS[of], identity_of(of, number)
    item: Item = {"Id": identity, "CreatedDate": iso(at), "CreatedById": None, **({"IsDeleted": False} if kind.has_bin else {}), **values}
    _write(org, of, item, at, visible_at=visible_at)
    if of == "Opportunity":
        _stage_entry(org, item, at)
    if kind.history:
        _history_entry(org, of, item, "created", None, None, at)
    return identity


def update(org: Org, of: str, identity: str, values: Mapping[str, Any], *, at: int, by: str | None = None) -> None:
    """by: the user who did it."""
    before = _one(org, of, identity)
    after = {**before, **values}
    _write(org, of, after, at)
    if of == "Opportunity" and any(before.get(name) != after.get(name) for name in DEAL):
        _stage_entry(org, after, at)
    for name in KINDS[of].tracked:
        if before.get(name) == after.get(name):
            continue
        if name == "OwnerId":      # told twice, by names and by ids
            _history_entry(org, of, after, "Owner", _name(org, before.get(name)), _name(org, after.get(name)), at, by)
        _history_entry(org, of, after, "Owner" if name == "OwnerId" else name, before.get(name), after.get(name), at, by)


def delete(org: Org, of: str, identity: str, *, at: int, master: str | None = None) -> None:
    """Into the recycle bin, with what belongs to it; its stamp moves and the delete log knows it. Those that belong to it go without either."""
    item = _one(org, of, identity)
    _write(org, of, {**item, "IsDeleted": True, **({"MasterRecordId": master} if master else {})}, at)
    org.state.put(f"deleted {of}", {"id": identity, "deletedDate": iso(at)}, at)
    for child, one in _children(org, of, identity):
        org.state.put(child, {**one, "IsDeleted": True}, _moment(one), identity=one["Id"])


def undelete(org: Org, of: str, identity: str, *, at: int) -> None:
    """Out of the bin again, with what belongs to it; the log forgets it ("undelete()")."""
    _write(org, of, {**_one(org, of, identity), "IsDeleted": False}, at)
    org.state.delete(f"deleted {of}", identity)
    for child, one in _children(org, of, identity):
        org.state.put(child, {**one, "IsDeleted": False}, _moment(one), identity=one["Id"])


def purge(org: Org, of: str, identity: str) -> None:
    """Out of the bin for good ("emptyRecycleBin()"): queryAll does not know it any more, the delete log does."""
    for child, one in _children(org, of, identity):
        org.state.delete(child, one["Id"])
    org.state.delete(of, identity)


def forget_deleted(org: Org, of: str) -> None:
    """The delete log is purged up to now ("sObject Get Deleted": every two hours, where it has grown too long)."""
    for entry in org.state.items(f"deleted {of}", after=""):
        org.state.delete(f"deleted {of}", entry["id"])
    org.state.set_fact(f"log of {of} begins", org.now())


def merge(org: Org, of: str, winner: str, loser: str, *, at: int) -> None:
    """ "merge()": the loser goes into the bin and names the winner in MasterRecordId; what belonged to it follows."""
    delete(org, of, loser, at=at, master=winner)
    _write(org, of, _one(org, of, winner), at)
    for other, field in FOLLOWERS[of]:
        for one in org.state.matching(other, field, loser):
            update(org, other, one["Id"], {field: winner}, at=at)


def convert(org: Org, lead: str, opportunity: Mapping[str, Any], *, at: int, account: str, contact: str, number: int | None = None) -> str:
    """ "convertLead()": an opportunity is made, and the lead, which names it, is done with."""
    made = create(org, "Opportunity", {"AccountId": account, "ContactId": contact, **opportunity}, at=at, number=number)
    update(org, "Lead", lead, {"Status": "Qualified", "IsConverted": True, "ConvertedDate": iso(at)[:10], "ConvertedAccountId": account,
                               "ConvertedContactId": contact, "ConvertedOpportunityId": made}, at=at)
    return made


def is_there(item: Item, now: int, *, with_bin: bool) -> bool:
    return item.get("visible_at", 0) <= now and (with_bin or not item.get("IsDeleted"))


def shown(org: Org, of: str, item: Item, names: list[str], version: str) -> Item:
    """A record as the API answers it. Formulas are worked out now."""
    return {"attributes": {"type": of, "url": f"/services/data/v{version}/sobjects/{of}/{item['Id']}"}, **{name: _value(org, of, item, name) for name in names}}


# ---- small parts

def _value(org: Org, of: str, item: Item, name: str) -> Any:
    if name in KINDS[of].formulas:
        return round((item.get("Amount") or 0) * org.state.fact("weight", 0.5), 2)
    return item.get(name)


def _name(org: Org, owner: str | None) -> str | None:
    """Of a user or a queue."""
    item = org.state.get("Group" if str(owner).startswith(KINDS["Group"].prefix) else "User", owner) if owner else None
    return item.get("Name") if item else None


def _one(org: Org, of: str, identity: str) -> Item:
    item = org.state.get(of, identity)
    if item is None:
        raise KeyError(f"there is no {of} {identity}")
    return item


def _moment(item: Item) -> int:
    return seconds(item.get("SystemModstamp") or item["CreatedDate"])


def _write(org: Org, of: str, item: Item, at: int, *, visible_at: int = 0) -> None:
    stamps = {"LastModifiedDate": iso(at), "SystemModstamp": iso(at)} if KINDS[of].has_stamp else {}
    org.state.put(of, {**item, **stamps, "visible_at": visible_at}, at, identity=item["Id"])


def _stage_entry(org: Org, item: Item, at: int) -> None:
    """OpportunityHistory: amount, probability, stage and close date as they are from now on."""
    create(org, "OpportunityHistory", {"OpportunityId": item["Id"], **{name: item.get(name) for name in DEAL}}, at=at)


def _history_entry(org: Org, of: str, item: Item, field: str, old: Any, new: Any, at: int, by: str | None = None) -> None:
    create(org, KINDS[of].history, {f"{of}Id": item["Id"], "Field": field, "DataType": "Text", "OldValue": old, "NewValue": new, "CreatedById": by}, at=at)


def _children(org: Org, of: str, identity: str) -> Iterator[tuple[str, Item]]:
    for name, kind in KINDS.items():
        if kind.parent and (kind.parent == f"{of}Id" or (of == "Case" and kind.parent == "ParentId")):
            for one in org.state.matching(name, kind.parent, identity):
                yield name, one
