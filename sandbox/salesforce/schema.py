"""The objects of the stand-in's organisation, as the vendor's "Object Reference" lists their fields (a part of them)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Kind:
    """An object. prefix: of its ids. fields: name -> type, without those that every object has. history: its field history, and the fields that it tracks.

    parent: the field that names the record which takes this one along when it is deleted.
    """

    prefix: str
    fields: Mapping[str, str]
    history: str = ""
    tracked: tuple[str, ...] = ()
    parent: str = ""
    has_stamp: bool = True
    has_bin: bool = True
    formulas: frozenset[str] = field(default_factory=frozenset)


def _fields(text: str) -> dict[str, str]:
    """'Name Amount:currency' -> {"Name": "string", "Amount": "currency"}."""
    return {name: kind or "string" for name, _, kind in (word.partition(":") for word in text.split())}


STATUS = "ApiName MasterLabel SortOrder:int IsDefault:boolean"
KINDS: Mapping[str, Kind] = {
    "Organization": Kind(prefix="00D", has_bin=False, fields=_fields("Name OrganizationType:picklist IsSandbox:boolean")),
    "User": Kind(prefix="005", has_bin=False, fields=_fields("Username Email:email Name FirstName LastName IsActive:boolean UserType:picklist")),
    "Group": Kind(prefix="00G", has_bin=False, fields=_fields("Name DeveloperName Type:picklist")),
    "OpportunityStage": Kind(prefix="01J", has_bin=False, fields=_fields(
        STATUS + " IsActive:boolean IsClosed:boolean IsWon:boolean DefaultProbability:percent")),
    "LeadStatus": Kind(prefix="01J", has_bin=False, fields=_fields(STATUS + " IsConverted:boolean")),
    "CaseStatus": Kind(prefix="01J", has_bin=False, fields=_fields(STATUS + " IsClosed:boolean")),
    "Campaign": Kind(prefix="701", fields=_fields("Name Status:picklist IsActive:boolean OwnerId:reference")),
    "CampaignMember": Kind(prefix="00v", fields=_fields("CampaignId:reference LeadId:reference ContactId:reference Status:picklist")),
    "Account": Kind(prefix="001", fields=_fields(
        "Name Type:picklist BillingCountry BillingCountryCode BillingAddress:address AccountNumber IsPersonAccount:boolean MasterRecordId:reference"
        " OwnerId:reference AnnualRevenue:currency Customer_Number__c")),
    "Contact": Kind(prefix="003", fields=_fields(
        "AccountId:reference FirstName LastName Name Email:email MailingCountryCode MasterRecordId:reference OwnerId:reference Customer_Number__c")),
    "Lead": Kind(prefix="00Q", history="LeadHistory", tracked=("Status", "OwnerId"), fields=_fields(
        "FirstName LastName Name Company Email:email CountryCode Status:picklist LeadSource:picklist OwnerId:reference IsConverted:boolean"
        " ConvertedDate:date ConvertedAccountId:reference ConvertedContactId:reference ConvertedOpportunityId:reference MasterRecordId:reference"
        " Lead_Number__c Customer_Number__c Expected_Amount__c:currency CurrencyIsoCode:picklist Lost_Reason__c:picklist")),
    "Opportunity": Kind(prefix="006", history="OpportunityFieldHistory", tracked=("StageName", "OwnerId"), formulas=frozenset({"Weighted__c"}), fields=_fields(
        "Name AccountId:reference ContactId:reference StageName:picklist Amount:currency Probability:percent CloseDate:date IsClosed:boolean IsWon:boolean"
        " LeadSource:picklist CampaignId:reference OwnerId:reference CurrencyIsoCode:picklist Lost_Reason__c:picklist Lead_Number__c Weighted__c:currency")),
    "Case": Kind(prefix="500", history="CaseHistory", tracked=("Status", "OwnerId", "Priority"), fields=_fields(
        "CaseNumber Subject Status:picklist Priority:picklist Origin:picklist Type:picklist Reason:picklist OwnerId:reference AccountId:reference"
        " ContactId:reference IsClosed:boolean IsEscalated:boolean ClosedDate:datetime Ticket_Number__c Order_Number__c")),
    "CaseComment": Kind(prefix="00a", parent="ParentId", fields=_fields("ParentId:reference IsPublished:boolean CommentBody:textarea")),
    "EmailMessage": Kind(prefix="02s", parent="ParentId", fields=_fields(
        "ParentId:reference Incoming:boolean Status:picklist MessageDate:datetime Subject TextBody:textarea HtmlBody:textarea")),
    "OpportunityHistory": Kind(prefix="008", parent="OpportunityId", fields=_fields(
        "OpportunityId:reference StageName:picklist Amount:currency Probability:percent CloseDate:date")),
    "Invoice__c": Kind(prefix="a00", fields=_fields("Name Amount__c:currency Account__c:reference")),
    **{f"{of}{name}": Kind(prefix="017", parent=f"{of}Id", has_stamp=False, fields=_fields(
        f"{of}Id:reference Field:picklist DataType:picklist OldValue NewValue"))
       for of, name in (("Lead", "History"), ("Opportunity", "FieldHistory"), ("Case", "History"))},
}


def types(of: str) -> dict[str, str]:
    """Name -> type of every field, those that all objects have among them ("System Fields")."""
    kind = KINDS[of]
    found = {"Id": "id", **({"IsDeleted": "boolean"} if kind.has_bin else {}), "CreatedDate": "datetime", "CreatedById": "reference"}
    if kind.has_stamp:
        found |= {"LastModifiedDate": "datetime", "LastModifiedById": "reference", "SystemModstamp": "datetime"}
    return found | dict(kind.fields)
