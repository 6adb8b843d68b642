{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('salesforce', 'leads') }}
),

parsed as (
    {{ parse('source', [
        'source', 'Id', 'Lead_Number__c', 'Customer_Number__c', 'Status', 'LeadSource', 'CountryCode', 'OwnerId',
        'IsConverted', 'ConvertedOpportunityId', 'ConvertedAccountId', 'Expected_Amount__c', 'CurrencyIsoCode', 'Lost_Reason__c', 'CreatedDate'
    ]) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        id as lead_id,
        lead_number__c as lead_number,
        customer_number__c as customer_number,
        status,
        leadsource as lead_source,
        countrycode as country,
        ownerid as owner_id,
        coalesce(try_cast(isconverted as boolean), false) as is_converted,
        convertedopportunityid as opportunity_id,
        convertedaccountid as account_id,
        try_cast(expected_amount__c as decimal(18, 4)) as amount,
        currencyisocode as currency,
        lost_reason__c as lost_reason,
        {{ utc('createddate') }} as created_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
