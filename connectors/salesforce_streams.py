"""What is read of Salesforce: its streams, and how each is asked for (salesforce.py says why that way)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from connectors.salesforce_personal import OTHERS, PERSONAL
from connectors.stream import Cursor, Misconfigured, Stream

# A transaction stamps its records while it runs and shows them when it commits: Apex may run for 10 minutes ("Execution Governors and Limits", maximum
# execution time for each transaction). The rest is for clocks that differ.
LAG = timedelta(minutes=15)
BODIES = frozenset({"CommentBody", "TextBody", "HtmlBody", "Headers", "Description"})   # no KPI reads them; they make batches small and hold what is personal


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How a stream is asked for. object: its API name. fields: the only ones that are read; (): all that our user sees. without: those that are not.

    needs: fields that models cannot do without, so that one hidden by field-level security is named.
    """

    how: Literal["changes", "whole"]
    object: str
    fields: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()


def _changes(name: str, of: str, *needs: str, without: frozenset[str] = frozenset(), is_master: bool = False) -> tuple[Stream, Asked]:
    """An object that is asked for what changed."""
    # Object reference: the objects of field history have neither SystemModstamp nor LastModifiedDate, because their records never change.
    stamp = "CreatedDate" if re.fullmatch(r"(?!OpportunityHistory$).*History|.*__History", of) else "SystemModstamp"
    stream = Stream(name=name, key=("Id",), deletes="sweep", sweep_every=7, cursor=Cursor(field=stamp, lag=LAG), personal=PERSONAL.get(of, OTHERS),
                    is_master=is_master)
    return stream, Asked(how="changes", object=of, needs=needs, without=without)


def _whole(name: str, of: str, *read: str) -> tuple[Stream, Asked]:
    """A small list, read whole every night."""
    return Stream(name=name, key=("Id",), deletes="full", personal=PERSONAL[of]), Asked(how="whole", object=of, fields=("Id", *read))


STREAMS: Mapping[Stream, Asked] = dict((
    _changes("users", "User", "Email", is_master=True),
    _whole("groups", "Group", "Name", "DeveloperName", "Type"),
    _whole("opportunity_stages", "OpportunityStage", "ApiName", "MasterLabel", "IsActive", "IsClosed", "IsWon", "SortOrder", "DefaultProbability"),
    _whole("lead_statuses", "LeadStatus", "ApiName", "MasterLabel", "IsConverted", "IsDefault", "SortOrder"),
    _whole("case_statuses", "CaseStatus", "ApiName", "MasterLabel", "IsClosed", "IsDefault", "SortOrder"),
    _changes("campaigns", "Campaign", "Name", is_master=True),
    _changes("accounts", "Account", "CreatedDate", is_master=True),
    _changes("contacts", "Contact", "AccountId", is_master=True),
    _changes("leads", "Lead", "Status", "CreatedDate", "IsConverted", "ConvertedOpportunityId", "OwnerId", "LeadSource"),
    _changes("campaign_members", "CampaignMember", "CampaignId", "LeadId"),
    _changes("lead_history", "LeadHistory", "Field", "NewValue", "CreatedDate"),
    _changes("opportunities", "Opportunity", "StageName", "CreatedDate", "Amount", "OwnerId", "AccountId", "LeadSource"),
    _changes("opportunity_history", "OpportunityHistory", "StageName", "CreatedDate"),
    _changes("cases", "Case", "Status", "CreatedDate", "OwnerId", "Priority", without=BODIES),
    _changes("case_history", "CaseHistory", "Field", "OldValue", "NewValue", "CreatedDate"),
    _changes("case_comments", "CaseComment", "ParentId", "IsPublished", "CreatedDate", without=BODIES),
    _changes("email_messages", "EmailMessage", "ParentId", "Incoming", "MessageDate", without=BODIES),
))
ASKED = {stream.name: asked for stream, asked in STREAMS.items()}


def chosen(source: str, objects: Iterable[str] = (), without: Iterable[str] = ()) -> Mapping[str, tuple[Stream, Asked]]:
    """The streams of a source by name: those above but for `without`, and one for each further object (OrderItem: order_item)."""
    found = {stream.name: (stream, asked) for stream, asked in STREAMS.items()}
    known = {asked.object for asked in ASKED.values()}
    for of in objects:
        if not isinstance(of, str) or not re.fullmatch(r"[A-Za-z]\w*", of):
            raise Misconfigured(f"objects names {of!r}", source=source, mend='API names of objects, e.g. objects = ["Order", "Invoice__c"]')
        if of in known:
            raise Misconfigured(f"{of} is read anyway", source=source, mend="take it out of objects")
        stream, asked = _changes(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", of).lower(), of)
        found[stream.name] = (stream, asked)
    for name in without:
        if name not in found:
            raise Misconfigured(f"without names {name!r}", source=source, mend="a list of streams out of " + ", ".join(found))
    return {name: one for name, one in found.items() if name not in set(without)}


def statement(select: str, of: str, conditions: Sequence[str], behind: str | None) -> str:
    """SOQL for the records behind an Id, in its order."""
    conditions = [*conditions, *([f"Id > '{behind}'"] if behind else [])]
    return f"SELECT {select} FROM {of}" + (" WHERE " + " AND ".join(conditions) if conditions else "") + " ORDER BY Id"


def instant(at: int) -> str:
    """Seconds since 1970 as SOQL writes an instant, without quotes ("Date Formats and Date Literals in WHERE")."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
