{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'countries') }}
),

parsed as (
    {{ parse('source', ['name', 'code']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        name as country,
        upper(code) as code
    from parsed
)

select * from renamed
{{ newest_per_key() }}
