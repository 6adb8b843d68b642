{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('hubspot', 'campaigns') }}
),

parsed as (
    {{ parse('source', ['id', 'properties'], nested=['properties']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        id as campaign_key,
        properties ->> '$.hs_name' as name,
        properties ->> '$.hs_utm' as utm_campaign
    from parsed
)

select * from renamed
{{ newest_per_key() }}
