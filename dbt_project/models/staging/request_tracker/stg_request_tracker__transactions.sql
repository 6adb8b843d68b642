{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('request_tracker', 'transactions') }}
),

parsed as (
    {{ parse('source', ['id', 'Type', 'Field', 'OldValue', 'NewValue', 'Created', 'Creator', 'ObjectType', 'ObjectId'], nested=['Creator']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as transaction_number,
        Type as transaction_type,
        Field as field,
        OldValue as old_value,
        NewValue as new_value,
        {{ utc('Created') }} as created_at,
        Creator ->> '$.id' as creator,
        ObjectType as object_type,
        try_cast(ObjectId as bigint) as ticket_number
    from parsed
)

select * from renamed
{{ newest_per_key() }}
