{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('salesforce', 'campaign_members') }}
),

parsed as (
    {{ parse('source', ['CampaignId', 'LeadId', 'CreatedDate']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        campaignid as campaign_id,
        leadid as lead_id,
        {{ utc('createddate') }} as created_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
