{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('salesforce', 'groups') }}
),

parsed as (
    {{ parse('source', ['Id', 'Name', 'Type']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        id as group_id,
        name as group_name,
        type as group_type
    from parsed
)

select * from renamed
{{ newest_per_key() }}
