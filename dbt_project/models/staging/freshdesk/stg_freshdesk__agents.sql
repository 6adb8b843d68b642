{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('freshdesk', 'agents') }}
),

parsed as (
    {{ parse('source', ['id', 'contact', 'deactivated', 'created_at', 'updated_at'], nested=['contact']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as agent_number,
        contact ->> '$.name' as agent_name,
        contact ->> '$.email' as email,
        contact ->> '$.time_zone' as time_zone,
        coalesce(try_cast(deactivated as boolean), false) as is_deactivated,
        {{ utc('created_at') }} as created_at,
        {{ utc('updated_at') }} as updated_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
