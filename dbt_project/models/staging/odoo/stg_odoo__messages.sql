{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'mail_message') }}
),

parsed as (
    {{ parse('source', ['id', 'res_id', 'date', 'author_id', 'message_type', 'is_internal']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as message_id,
        try_cast(res_id as bigint) as ticket_id,
        try_cast(author_id as bigint) as author_id,
        message_type,
        is_internal = 'true' as is_internal,
        {{ utc('date') }} as said_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
