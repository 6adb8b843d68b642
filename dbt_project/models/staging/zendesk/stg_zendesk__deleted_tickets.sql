{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('zendesk', 'deleted_tickets') }}
),

parsed as (
    {{ parse('source', ['id', 'actor', 'deleted_at', 'previous_state'], nested=['actor']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as ticket_number,
        {{ utc('deleted_at') }} as deleted_at,
        try_cast(actor ->> '$.id' as bigint) as actor_number,
        previous_state as previous_status
    from parsed
)

select * from renamed
{{ newest_per_key() }}
