{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('salesforce', 'opportunity_history') }}
),

parsed as (
    {{ parse('source', ['OpportunityId', 'StageName', 'CreatedDate']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        opportunityid as opportunity_id,
        stagename as stage,
        {{ utc('createddate') }} as entered_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
