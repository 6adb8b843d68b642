{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('salesforce', 'opportunities') }}
),

parsed as (
    {{ parse('source', [
        'source', 'Id', 'Lead_Number__c', 'AccountId', 'StageName', 'Amount', 'CurrencyIsoCode',
        'LeadSource', 'CampaignId', 'OwnerId', 'Lost_Reason__c', 'CloseDate', 'CreatedDate'
    ]) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        id as opportunity_id,
        lead_number__c as lead_number,
        accountid as account_id,
        stagename as stage,
        try_cast(amount as decimal(18, 4)) as amount,
        currencyisocode as currency,
        leadsource as lead_source,
        campaignid as campaign_id,
        ownerid as owner_id,
        lost_reason__c as lost_reason,
        try_cast(closedate as date) as closes_on,
        {{ utc('createddate') }} as created_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
