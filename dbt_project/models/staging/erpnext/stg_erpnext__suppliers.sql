{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'suppliers') }}
),

parsed as (
    {{ parse('source', ['name', 'supplier_name']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        name as supplier_number,
        coalesce(supplier_name, name) as supplier
    from parsed
)

select * from renamed
{{ newest_per_key() }}
