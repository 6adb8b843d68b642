{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'ir_model_log') }}
),

parsed as (
    {{ parse('source', ['id', 'resource', 'user', 'event', 'target', 'create_date'], nested=['user']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as log_id,
        nullif(split_part(resource, ',', 1), '') as resource_model,
        try_cast(split_part(resource, ',', 2) as bigint) as resource_id,
        -- a number, or an object that has it
        coalesce(try_cast("user" as bigint), try_cast(json_extract_string("user", '$.id') as bigint)) as user_id,
        event,
        target,
        {{ utc('create_date') }} as logged_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
