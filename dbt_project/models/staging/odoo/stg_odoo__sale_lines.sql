{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'sale_order_line') }}
),

parsed as (
    {{ parse('source', ['id', 'order_id', 'product_id', 'display_type', 'product_uom_qty', 'price_unit', 'discount', 'price_subtotal']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as sale_line_id,
        try_cast(order_id as bigint) as sale_id,
        try_cast(product_id as bigint) as product_id,
        display_type,
        try_cast(product_uom_qty as decimal(18, 4)) as quantity,
        try_cast(price_unit as decimal(18, 4)) as list_unit_price,
        try_cast(discount as decimal(18, 4)) as discount_percent,
        try_cast(price_subtotal as decimal(18, 4)) as amount
    from parsed
)

select * from renamed
{{ newest_per_key() }}
