{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('request_tracker', 'queues') }}
),

parsed as (
    {{ parse('source', ['id', 'Name', 'Description']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as queue_number,
        Name as queue_name,
        Description as description
    from parsed
)

select * from renamed
{{ newest_per_key() }}
