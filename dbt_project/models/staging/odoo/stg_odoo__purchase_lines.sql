{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'purchase_order_line') }}
),

parsed as (
    {{ parse('source', ['id', 'order_id', 'product_id', 'display_type', 'product_qty', 'date_planned']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as purchase_line_id,
        try_cast(order_id as bigint) as purchase_id,
        try_cast(product_id as bigint) as product_id,
        display_type,
        try_cast(product_qty as decimal(18, 4)) as quantity,
        {{ utc('date_planned') }} as promised_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
