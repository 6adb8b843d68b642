"""What of Salesforce's records tells of a person, by object. Every field arrives, also those that an organisation makes tomorrow: what is not named here is
taken for personal.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.personal import DOCUMENT_NUMBER, LIST_ENTRY
from connectors.stream import Kind, Personal

Declared = Mapping[str, Kind | Personal]

# Flags, instants and ids are nobody's; days are not among them, they may be birthdays. Numbers of a thing are no telephone numbers as long as they are short.
IDENTITY = r"(?-i:(?:\d|a)[0-9A-Za-z]{14}[A-Z0-5]{3})"       # "ID Field Type"; own objects begin with an a
FLAG = rf"true|false|\d{{4}}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d{{4}})|{IDENTITY}"
OF_A_PERSON = Personal(kind="text", keeps=rf"^(?:{FLAG})$")
OF_A_THING = Personal(kind="text", keeps=rf"^(?:{FLAG}|-?\d{{1,6}}(?:\.\d+)?)$")
SHARED = ("Id", "attributes", "CreatedById", "LastModifiedById", "OwnerId", "RecordTypeId", "MasterRecordId", "CurrencyIsoCode", "LeadSource")
NUMBER = Personal(kind="text", keeps=rf"{DOCUMENT_NUMBER}|^\d{{1,8}}$")
REASON = Personal(kind="text", keeps=LIST_ENTRY)
# Of a change what was changed says whose the values are. A change of owner tells his id, and in a row of its own his name.
CHANGED = Personal(kind="text", keeps=rf"^{IDENTITY}$", unless={"Field": frozenset({"status", "priority", "stagename", "created", "leadconverted", "closed"})})


def _own(kind: Kind) -> Personal:
    """Of one of the company's own people; whoever else is a user works through a portal ("User", UserType)."""
    return Personal(kind=kind, unless={"UserType": frozenset({"standard", "csnonly"})}, then="staff")


def _all_but(others: Personal, impersonal: str, **named: Kind | Personal) -> Declared:
    return {"*": others, **dict.fromkeys((*SHARED, *impersonal.split()), "impersonal"), **named}


def _history(of: str) -> Declared:
    return _all_but(OF_A_THING, f"{of}Id Field DataType", OldValue=CHANGED, NewValue=CHANGED)


OTHERS = _all_but(OF_A_THING, "")        # objects that a configuration names
PERSONAL: Mapping[str, Declared] = {
    "User": _all_but(OF_A_PERSON, "UserType ProfileId UserRoleId TimeZoneSidKey LocaleSidKey LanguageLocaleKey", Email=_own("email"), Username=_own("email"),
                     Name=_own("name"), FirstName=_own("name"), LastName=_own("name"), Alias=_own("name"), CommunityNickname=_own("name"),
                     Phone="phone", MobilePhone="phone", Fax="phone"),
    "Group": {}, "OpportunityStage": {}, "LeadStatus": {}, "CaseStatus": {},
    "Campaign": _all_but(OF_A_THING, "Name Status Type StartDate EndDate BudgetedCost ActualCost ExpectedRevenue"),
    "CampaignMember": _all_but(OF_A_PERSON, "CampaignId LeadId ContactId Status Type", Email="email", Phone="phone", MobilePhone="phone", FirstName="name",
                               LastName="name", Name="name"),
    # An account may be a person.
    "Account": _all_but(OF_A_PERSON, "Type Industry NumberOfEmployees AnnualRevenue AccountSource BillingCountry BillingCountryCode ShippingCountryCode",
                        Name="name", Phone="phone", Fax="phone", PersonEmail="email", AccountNumber=NUMBER, Customer_Number__c=NUMBER),
    "Contact": _all_but(OF_A_PERSON, "AccountId MailingCountry MailingCountryCode", Email="email", Phone="phone", MobilePhone="phone", HomePhone="phone",
                        Fax="phone", Name="name", FirstName="name", LastName="name", Customer_Number__c=NUMBER),
    "Lead": _all_but(OF_A_PERSON, "Status Country CountryCode Industry Rating ConvertedDate Expected_Amount__c AnnualRevenue NumberOfEmployees", Email="email",
                     Phone="phone", MobilePhone="phone", Fax="phone", Name="name", FirstName="name", LastName="name", Company="name",
                     Lead_Number__c=NUMBER, Customer_Number__c=NUMBER, Lost_Reason__c=REASON),
    "Opportunity": _all_but(OF_A_THING, "StageName Amount Probability ExpectedRevenue CloseDate Type ForecastCategory ForecastCategoryName FiscalYear",
                            Name=Personal(kind="text", keeps=DOCUMENT_NUMBER), Lead_Number__c=NUMBER, Lost_Reason__c=REASON),
    "OpportunityHistory": _all_but(OF_A_THING, "OpportunityId StageName Amount Probability ExpectedRevenue CloseDate PrevAmount PrevCloseDate"),
    "Case": _all_but(OF_A_THING, "CaseNumber Status Priority Origin Type Reason Language", Subject="text", SuppliedName="name", SuppliedEmail="email",
                     SuppliedPhone="phone", ContactEmail="email", ContactPhone="phone", ContactMobile="phone", ContactFax="phone", Comments="text",
                     Ticket_Number__c=NUMBER, Order_Number__c=NUMBER),
    "CaseComment": _all_but(OF_A_THING, "ParentId"),
    "EmailMessage": _all_but(OF_A_PERSON, "ParentId Status", Subject="text", FromName="name", FromAddress="email", ToAddress="email", CcAddress="email",
                             BccAddress="email", ValidatedFromAddress="email"),
    "LeadHistory": _history("Lead"), "CaseHistory": _history("Case"), "OpportunityFieldHistory": _history("Opportunity"),
}
