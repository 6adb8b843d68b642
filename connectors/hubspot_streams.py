"""What is read of HubSpot: its streams, and how each is asked for (hubspot.py says why that way)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from connectors.stream import Cursor, Stream

LAG = timedelta(hours=1)             # Estuary's and Airbyte's connectors met records that the index showed many minutes late; an hour costs one page more
CAMPAIGN = ("hs_name", "hs_start_date", "hs_end_date", "hs_campaign_status", "hs_utm", "hs_owner", "hs_audience", "hs_currency_code",
            "hs_budget_items_sum_amount", "hs_spend_items_sum_amount")   # campaigns have no list of properties to ask for ("Campaigns API", properties)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How a stream is asked for. of: the CRM object. to: whose associations. history: the one property that is asked for, with all it ever was."""

    how: Literal["objects", "associations", "owners", "pipelines", "campaigns"]
    of: str = ""
    to: tuple[str, ...] = ()
    history: str = ""


def _objects(of: str, stamp: str = "hs_lastmodifieddate", *, name: str = "", history: str = "") -> tuple[Stream, Asked]:
    stream = Stream(name=name or of, key=("id",), deletes="sweep", sweep_every=7, cursor=Cursor(field=stamp, lag=LAG))
    return stream, Asked(how="objects", of=of, history=history)


def _associations(name: str, of: str, *to: str) -> tuple[Stream, Asked]:
    return Stream(name=name, key=("id", "toObjectType"), deletes="full"), Asked(how="associations", of=of, to=to)


STREAMS: Mapping[Stream, Asked] = dict((
    (Stream(name="owners", key=("id",), deletes="full"), Asked(how="owners")),
    (Stream(name="pipelines", key=("objectType", "id"), deletes="full"), Asked(how="pipelines")),
    (Stream(name="campaigns", key=("id",), deletes="full"), Asked(how="campaigns")),
    _objects("companies"),
    _objects("contacts", "lastmodifieddate"),
    _objects("deals"),
    _objects("tickets"),
    _objects("deals", name="deal_stage_history", history="dealstage"),
    _associations("contact_associations", "contacts", "companies"),
    _associations("deal_associations", "deals", "companies", "contacts"),
    _associations("ticket_associations", "tickets", "companies", "contacts"),
))
ASKED = {stream.name: asked for stream, asked in STREAMS.items()}
