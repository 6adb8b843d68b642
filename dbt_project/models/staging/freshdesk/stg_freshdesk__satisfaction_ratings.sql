{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('freshdesk', 'satisfaction_ratings') }}
),

parsed as (
    {{ parse('source', ['id', 'ticket_id', 'user_id', 'ratings', 'created_at', 'updated_at'], nested=['ratings']) }}
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
        try_cast(user_id as bigint) as requester_number,
        try_cast(ratings ->> '$.default_question' as bigint) as score,
        {{ utc('created_at') }} as created_at,
        {{ utc('updated_at') }} as updated_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
