{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('freshdesk', 'groups') }}
),

parsed as (
    {{ parse('source', ['id', 'name', 'description']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as group_number,
        name as group_name,
        description as department
    from parsed
)

select * from renamed
{{ newest_per_key() }}
