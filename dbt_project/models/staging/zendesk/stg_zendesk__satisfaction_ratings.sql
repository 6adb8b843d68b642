{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('zendesk', 'satisfaction_ratings') }}
),

parsed as (
    {{ parse('source', ['id', 'ticket_id', 'requester_id', 'score', 'created_at', 'updated_at']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as rating_number,
        try_cast(ticket_id as bigint) as ticket_number,
        try_cast(requester_id as bigint) as requester_number,
        score,
        {{ utc('created_at') }} as created_at,
        {{ utc('updated_at') }} as updated_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
