"""What happens to the records of a HubSpot account. The loader, a lived day and the tests all go through here, so all leave the same traces.

A record is kept as {"id", "properties", "createdAt", "updatedAt", "archived", "history", "indexed", "visible_at"}: `indexed` is what the search shows until
`visible_at` (milliseconds), because its index lags behind the records ("Search the CRM": it may take a few moments for new or updated records to appear).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.stand_in.state import Item, State

STAMPS = {"contacts": "lastmodifieddate", "companies": "hs_lastmodifieddate", "deals": "hs_lastmodifieddate", "tickets": "hs_lastmodifieddate"}
# The vendor keeps a history of every property; these are the ones that are asked for.
TRACKED: Mapping[str, Sequence[str]] = {"deals": ("dealstage",), "tickets": ("hs_pipeline_stage", "hs_ticket_priority", "hubspot_owner_id")}
HISTORY = 20                     # of a property, the newest 20 values come back, as clients of the vendor report
PROPERTIES: Mapping[str, str] = {
    "contacts": "email firstname lastname hs_country_region_code lifecyclestage hubspot_owner_id hs_analytics_source customer_number",
    "companies": "name domain hs_country_region_code lifecyclestage hubspot_owner_id customer_number",
    "deals": "dealname dealstage pipeline amount deal_currency_code closedate closed_lost_reason hubspot_owner_id hs_analytics_source"
             " hs_analytics_source_data_1 hs_analytics_source_data_2",
    "tickets": "subject content hs_pipeline hs_pipeline_stage hs_ticket_priority hubspot_owner_id source_type closed_date first_agent_reply_date",
}
COMMON = "createdate hs_object_id hs_merged_object_ids"
# "Associations v4", default association types: (id, label) of the primary partner, then of any.
TYPES: Mapping[tuple[str, str], Sequence[tuple[int, str | None]]] = {
    ("contacts", "companies"): ((1, "Primary"), (279, None)), ("deals", "companies"): ((5, "Primary"), (341, None)), ("deals", "contacts"): ((3, None),),
    ("tickets", "companies"): ((26, "Primary"), (339, None)), ("tickets", "contacts"): ((16, None),),
}


@dataclass(frozen=True, kw_only=True)
class Portal:
    """An account's records, and how long (milliseconds) the index of its search lags behind them."""

    state: State
    index_lag: int = 10_000

    def now(self) -> int:
        return self.state.stamp(per_second=1000)


def iso(at: int) -> str:
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03}Z"


def milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def property_names(portal: Portal, of: str) -> list[str]:
    return [*COMMON.split(), STAMPS[of], *PROPERTIES[of].split(), *portal.state.fact(f"properties {of}", [])]


def add_property(portal: Portal, of: str, name: str) -> None:
    if name not in property_names(portal, of):
        portal.state.set_fact(f"properties {of}", [*portal.state.fact(f"properties {of}", []), name])


def create(portal: Portal, of: str, properties: Mapping[str, Any], *, at: int, identity: int | None = None) -> int:
    if identity is None:
        (identity,) = portal.state.next_ids(of, first=900_000_001)
    fixed = {"createdate": iso(at), "hs_object_id": str(identity)}
    item: Item = {"id": identity, "properties": fixed, "createdAt": iso(at), "archived": False, "history": {}, "indexed": None, "visible_at": 0}
    _write(portal, of, item, properties, at, before=None)
    return identity


def update(portal: Portal, of: str, identity: int, properties: Mapping[str, Any], *, at: int) -> None:
    item = _one(portal, of, identity)
    _write(portal, of, item, properties, at, before=_seen(item, at))


def archive(portal: Portal, of: str, identity: int, *, at: int) -> None:
    """To the recycling bin. Nothing but `archived` and `archivedAt` tells: the stamps stay, and so does the index for a while."""
    item = _one(portal, of, identity)
    portal.state.put(of, {**item, "archived": True, "archivedAt": iso(at), "indexed": _seen(item, at), "visible_at": at + portal.index_lag},
                     milliseconds(item["updatedAt"]))


def restore(portal: Portal, of: str, identity: int, *, at: int) -> None:
    """Out of the bin; its stamp moves (HubSpot's developer forum, "Restoring recently deleted contacts")."""
    item = {name: value for name, value in _one(portal, of, identity).items() if name != "archivedAt"}
    _write(portal, of, {**item, "archived": False}, {}, at, before=None)


def purge(portal: Portal, of: str, identity: int) -> None:
    """Deleted for good ("GDPR delete"): no trace of it is left, neither among the archived nor in the index."""
    portal.state.delete(of, identity)
    _hand_over(portal, of, identity, None)


def merge(portal: Portal, of: str, primary: int, other: int, *, at: int) -> int:
    """ "Merge records": a record with a new id takes the place of both and names them; who asks for an old id gets the new record."""
    first, second = _one(portal, of, primary), _one(portal, of, other)
    old = [identity for one in (second, first) for identity in (*(one["properties"].get("hs_merged_object_ids") or "").split(";"), str(one["id"])) if identity]
    kept = {**second["properties"], **first["properties"], "hs_merged_object_ids": ";".join(old)}
    merged = create(portal, of, {name: value for name, value in kept.items() if name not in ("hs_object_id", STAMPS[of], *TRACKED.get(of, ()))}, at=at)
    item = _one(portal, of, merged)
    entries = {name: sorted([*first["history"].get(name, ()), *second["history"].get(name, ())], key=lambda entry: str(entry["timestamp"]), reverse=True)
               for name in TRACKED.get(of, ())}
    item["properties"] |= {name: first["properties"][name] for name in TRACKED.get(of, ()) if name in first["properties"]}
    portal.state.put(of, {**item, "history": entries}, at)
    for gone in (primary, other):
        portal.state.delete(of, gone)
        _hand_over(portal, of, gone, merged)
        portal.state.put(f"merged {of}", {"id": gone, "into": merged}, at)
    return merged


def find(portal: Portal, of: str, identity: int) -> Item | None:
    """The record of an id, or the one it was merged into."""
    while (moved := portal.state.get(f"merged {of}", identity)) is not None:
        identity = moved["into"]
    return portal.state.get(of, identity)


def associate(portal: Portal, of: str, identity: int, to: str, partner: int) -> None:
    """Adds a partner, the first of which is the primary one. No record's stamp moves."""
    partners = [*associations(portal, of, identity, to)]
    if partner not in [one["toObjectId"] for one in partners]:
        types = [{"category": "HUBSPOT_DEFINED", "typeId": number, "label": label} for number, label in (TYPES[of, to][-1:] if partners else TYPES[of, to])]
        partners.append({"toObjectId": partner, "associationTypes": types})
        portal.state.put(f"{of}/{to}", {"id": identity, "to": partners}, 0)


def dissociate(portal: Portal, of: str, identity: int, to: str, partner: int) -> None:
    kept = [one for one in associations(portal, of, identity, to) if one["toObjectId"] != partner]
    portal.state.put(f"{of}/{to}", {"id": identity, "to": kept}, 0)


def associations(portal: Portal, of: str, identity: int, to: str) -> list[Item]:
    found = portal.state.get(f"{of}/{to}", identity)
    return found["to"] if found else []


def put_owner(portal: Portal, identity: int, email: str, name: str, *, at: int, archived: bool = False, team: tuple[int, str] | None = None) -> None:
    """ "Owners". An owner who was deactivated is archived. team: number and name of the primary one."""
    first, _, last = name.partition(" ")
    standing = portal.state.get("owners", identity)
    portal.state.put("owners", {
        "id": identity, "email": email, "type": "PERSON", "firstName": first, "lastName": last, "userId": None if archived else identity,
        "userIdIncludingInactive": identity, "createdAt": standing["createdAt"] if standing else iso(at), "updatedAt": iso(at), "archived": archived,
        **({"teams": [{"id": str(team[0]), "name": team[1], "primary": True}]} if team else {})}, at)


def put_pipeline(portal: Portal, of: str, identity: str, label: str, stages: Sequence[tuple[str, str, bool, float]], *, at: int) -> None:
    """ "Pipelines". stages: (id, label, closed?, probability of winning); metadata are text, as the vendor answers them."""
    portal.state.put(f"pipelines {of}", {"id": identity, "pipeline": {
        "id": identity, "label": label, "displayOrder": 0, "archived": False, "createdAt": iso(at), "updatedAt": iso(at),
        "stages": [{"id": stage, "label": words, "displayOrder": order, "archived": False, "createdAt": iso(at), "updatedAt": iso(at),
                    "metadata": {"isClosed": str(closed).lower(), "probability": str(probability)} if of == "deals" else {
                        "isClosed": str(closed).lower(), "ticketState": "CLOSED" if closed else "OPEN"}}
                   for order, (stage, words, closed, probability) in enumerate(stages)]}}, at)


def put_campaign(portal: Portal, identity: str, properties: Mapping[str, Any], *, at: int) -> None:
    """ "Campaigns API"."""
    standing = portal.state.get("campaigns", identity)
    portal.state.put("campaigns", {"id": identity, "properties": dict(properties), "createdAt": standing["createdAt"] if standing else iso(at),
                                   "updatedAt": iso(at)}, at)


def shown(item: Item, names: Sequence[str], history: Sequence[str] = (), of: str = "") -> Item:
    """A record as the API answers it: ids as text, and of its properties those asked for and the few that always come."""
    properties = {name: item["properties"].get(name) for name in {"createdate", "hs_object_id", *([STAMPS[of]] if of else []), *names}}
    answer: Item = {"id": str(item["id"]), "properties": dict(sorted(properties.items())), "createdAt": item["createdAt"], "updatedAt": item["updatedAt"],
                    "archived": item["archived"], **({"archivedAt": item["archivedAt"]} if "archivedAt" in item else {})}
    if history:
        answer["propertiesWithHistory"] = {name: item["history"].get(name, [])[:HISTORY] for name in history}
    return answer


def indexed(item: Item, now: int) -> Item | None:
    """The record as the search knows it now; None: not yet."""
    return item if now >= item["visible_at"] else item["indexed"]


# ---- small parts

def _one(portal: Portal, of: str, identity: int) -> Item:
    item = portal.state.get(of, identity)
    if item is None:
        raise KeyError(f"there is no {of} {identity}")
    return item


def _seen(item: Item, at: int) -> Item | None:
    """What the index shows at this moment, without the history that it does not hold."""
    view = indexed(item, at)
    return {**view, "indexed": None, "history": {}} if view else None


def _write(portal: Portal, of: str, item: Item, properties: Mapping[str, Any], at: int, *, before: Item | None) -> None:
    for name in TRACKED.get(of, ()):
        if name in properties and properties[name] != item["properties"].get(name):
            entry = {"value": properties[name], "timestamp": iso(at), "sourceType": "CRM_UI", "sourceId": "userId:1", "updatedByUserId": 1}
            item["history"] = {**item["history"], name: [entry, *item["history"].get(name, ())]}
    portal.state.put(of, {**item, "properties": {**item["properties"], **properties, STAMPS[of]: iso(at)}, "updatedAt": iso(at),
                          "indexed": before, "visible_at": at + portal.index_lag}, at)


def _hand_over(portal: Portal, of: str, gone: int, heir: int | None) -> None:
    """The associations of a record that is gone, to the one that took its place, if there is one."""
    for mine, to in TYPES:
        if mine == of:
            partners = associations(portal, of, gone, to)
            portal.state.delete(f"{of}/{to}", gone)
            if heir is not None:
                for one in partners:
                    associate(portal, of, heir, to, one["toObjectId"])
        elif to == of:
            for row in portal.state.items(f"{mine}/{of}", where=lambda row: any(one["toObjectId"] == gone for one in row["to"])):
                dissociate(portal, mine, row["id"], of, gone)
                if heir is not None:
                    associate(portal, mine, row["id"], of, heir)
