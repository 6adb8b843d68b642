"""What is read of HubSpot: its streams, and how each is asked for (hubspot.py says why that way)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from connectors.personal import DOCUMENT_NUMBER, LIST_ENTRY
from connectors.stream import Cursor, Kind, Personal, Stream

LAG = timedelta(hours=1)             # Estuary's and Airbyte's connectors met records that the index showed many minutes late; an hour costs one page more
CAMPAIGN = ("hs_name", "hs_start_date", "hs_end_date", "hs_campaign_status", "hs_utm", "hs_owner", "hs_audience", "hs_currency_code",
            "hs_budget_items_sum_amount", "hs_spend_items_sum_amount")   # campaigns have no list of properties to ask for ("Campaigns API", properties)

# Every property arrives, also those that an account makes tomorrow: what is not named here is taken for personal. Flags and instants are nobody's;
# days are not among them, they may be birthdays. Amounts of a deal and counts of a ticket are no telephone numbers as long as they are short.
FLAG = r"true|false|\d{4}-\d\d-\d\dT[\d:.]+Z"
OF_A_PERSON = Personal(kind="text", keeps=rf"^(?:{FLAG})$")
OF_A_THING = Personal(kind="text", keeps=rf"^(?:{FLAG}|-?\d{{1,6}}(?:\.\d+)?)$")
NO_ADDRESS = Personal(kind="text", keeps=r"^[^@]*$")
SHARED = ("createdate", "hs_createdate", "hs_lastmodifieddate", "lastmodifieddate", "hs_object_id", "hs_merged_object_ids", "hubspot_owner_id",
          "lifecyclestage", "hs_lead_status", "hs_analytics_source")


def _properties(others: Personal, impersonal: str, **named: Kind | Personal) -> dict[str, Kind | Personal]:
    declared: dict[str, Kind | Personal] = {"*": others, **dict.fromkeys((*SHARED, *impersonal.split()), "impersonal"), **named}
    return {f"properties.{name}": one for name, one in declared.items()}


CUSTOMER_NUMBER = Personal(kind="text", keeps=rf"{DOCUMENT_NUMBER}|^\d{{1,8}}$")
PERSONAL: Mapping[str, Mapping[str, Kind | Personal]] = {
    "contacts": _properties(OF_A_PERSON, "hs_country_region_code hs_calculated_merged_vids associatedcompanyid hs_timezone hs_language",
                            email="email", work_email="email", hs_additional_emails="email", phone="phone", mobilephone="phone", fax="phone",
                            firstname="name", lastname="name", address="address", customer_number=CUSTOMER_NUMBER),
    # Names of firms are nobody's.
    "companies": _properties(OF_A_THING, "name domain website hs_country_region_code country industry type numberofemployees customer_number",
                             phone="phone", address="address"),
    "deals": _properties(OF_A_THING, "dealstage pipeline dealtype amount amount_in_home_currency deal_currency_code closedate",
                         dealname=Personal(kind="text", keeps=DOCUMENT_NUMBER), closed_lost_reason=Personal(kind="text", keeps=LIST_ENTRY),
                         hs_analytics_source_data_1=NO_ADDRESS, hs_analytics_source_data_2=NO_ADDRESS),
    "tickets": _properties(OF_A_THING, "hs_pipeline hs_pipeline_stage hs_ticket_priority hs_ticket_category source_type"
                           " closed_date first_agent_reply_date", subject="text", content="text"),
}


def _of_history(name: str) -> dict[str, Kind | Personal]:
    """ "CRM property change source will show user ID instead of owner email" (change log); the label is his name."""
    return {f"propertiesWithHistory.{name}[].sourceId": NO_ADDRESS, f"propertiesWithHistory.{name}[].sourceLabel": "staff"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How a stream is asked for. of: the CRM object. to: whose associations. history: the properties that are asked for, with all they ever were."""

    how: Literal["objects", "associations", "owners", "pipelines", "campaigns"]
    of: str = ""
    to: tuple[str, ...] = ()
    history: tuple[str, ...] = ()


def _objects(
    of: str, stamp: str = "hs_lastmodifieddate", *, name: str = "", history: tuple[str, ...] = (), is_master: bool = False,
) -> tuple[Stream, Asked]:
    stream = Stream(name=name or of, key=("id",), deletes="sweep", sweep_every=7, cursor=Cursor(field=stamp, lag=LAG), stamps=("updatedAt",),
                    is_master=is_master,
                    personal={**PERSONAL[of], **{path: kind for one in history for path, kind in _of_history(one).items()}})
    return stream, Asked(how="objects", of=of, history=history)


def _associations(name: str, of: str, *to: str) -> tuple[Stream, Asked]:
    return Stream(name=name, key=("id", "toObjectType"), deletes="full"), Asked(how="associations", of=of, to=to)


STREAMS: Mapping[Stream, Asked] = dict((
    (Stream(name="owners", key=("id",), deletes="full", personal={"email": "staff", "firstName": "staff", "lastName": "staff"}), Asked(how="owners")),
    (Stream(name="pipelines", key=("objectType", "id"), deletes="full"), Asked(how="pipelines")),
    (Stream(name="campaigns", key=("id",), deletes="full"), Asked(how="campaigns")),
    _objects("companies", is_master=True),
    _objects("contacts", "lastmodifieddate", is_master=True),
    _objects("deals"),
    _objects("tickets"),
    _objects("deals", name="deal_stage_history", history=("dealstage",)),
    _objects("tickets", name="ticket_history", history=("hs_pipeline_stage", "hs_ticket_priority", "hubspot_owner_id")),
    _associations("contact_associations", "contacts", "companies"),
    _associations("deal_associations", "deals", "companies", "contacts"),
    _associations("ticket_associations", "tickets", "companies", "contacts"),
))
ASKED = {stream.name: asked for stream, asked in STREAMS.items()}
