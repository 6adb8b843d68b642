{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('hubspot', 'deal_stage_changes') }}
),

parsed as (
    {{ parse('source', ['dealId', 'value', 'timestamp']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(dealid as bigint) as deal_number,
        value as stage,
        {{ utc('timestamp') }} as entered_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
