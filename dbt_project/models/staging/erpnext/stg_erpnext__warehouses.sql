{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'warehouses') }}
),

parsed as (
    {{ parse('source', ['name', 'warehouse_name']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        name as warehouse_key,
        warehouse_name as warehouse
    from parsed
)

select * from renamed
{{ newest_per_key() }}
