{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'stock_picking_type') }}
),

parsed as (
    {{ parse('source', ['id', 'code', 'sequence_code', 'warehouse_id']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as picking_type_id,
        code as direction,
        sequence_code as step,
        try_cast(warehouse_id as bigint) as warehouse_id
    from parsed
)

select * from renamed
{{ newest_per_key() }}
