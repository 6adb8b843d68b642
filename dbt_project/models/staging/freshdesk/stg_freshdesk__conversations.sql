-- The conversations of a ticket come as one record, whole; they are taken apart here, once.
{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('freshdesk', 'conversations') }}
),

parsed as (
    {{ parse('source', ['ticket_id', 'conversations'], nested=['conversations']) }}
),

newest as (
    select * from parsed
    {{ newest_per_key() }}
),

-- a ticket that nobody talked about keeps one row, or a later reading of it could not replace an earlier one
each as (
    select
        *,
        unnest(coalesce(
            nullif(json_transform(conversations, '[{
                "id": "VARCHAR", "user_id": "VARCHAR", "incoming": "BOOLEAN", "private": "BOOLEAN", "source": "VARCHAR", "automation_id": "VARCHAR",
                "created_at": "VARCHAR", "body_text": "VARCHAR"
            }]'), []),
            [null]
        )) as one,
        generate_subscripts(coalesce(nullif(json_transform(conversations, '["JSON"]'), []), [null]), 1) as place
    from newest
),

renamed as (
    select
        source_name,
        record_key,
        cast(place as bigint) as conversation_position,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(ticket_id as bigint) as ticket_number,
        try_cast(one.id as bigint) as conversation_number,
        try_cast(one.user_id as bigint) as user_number,
        one.incoming as is_incoming,
        one.private as is_private,
        try_cast(one.source as bigint) as origin_number,
        one.automation_id is not null as is_automatic,
        {{ utc('one.created_at') }} as said_at,
        -- the vendor's own words in a ticket that was merged into another one; there is no field that says so
        try_cast(regexp_extract(one.body_text, '^\s*This ticket is closed and merged into ticket #?(\d+)', 1) as bigint) as merged_into_number
    from each
)

select * from renamed
