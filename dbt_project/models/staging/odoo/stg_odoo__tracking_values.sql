{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'mail_tracking_value') }}
),

parsed as (
    {{ parse('source', [
        'id',
        'field',
        'message',
        'old_value_integer',
        'new_value_integer',
        'old_value_char',
        'new_value_char',
        'old_value_datetime',
        'new_value_datetime',
        'create_date',
        'field_id',
    ], nested=['message']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as change_id,
        -- renamed in 17
        try_cast(coalesce(field_id, field) as bigint) as field_id,
        json_extract_string(message, '$.model') as model,
        try_cast(json_extract_string(message, '$.res_id') as bigint) as document_id,
        try_cast(old_value_integer as bigint) as old_number,
        try_cast(new_value_integer as bigint) as new_number,
        old_value_char as old_text,
        new_value_char as new_text,
        {{ utc('old_value_datetime') }} as old_instant,
        {{ utc('new_value_datetime') }} as new_instant,
        {{ utc('create_date') }} as changed_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
