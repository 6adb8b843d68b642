{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'stock_move') }}
),

parsed as (
    {{ parse('source', [
        'id',
        'product_id',
        'product_uom_qty',
        'quantity',
        'state',
        'picking_id',
        'date',
        'origin_returned_move_id',
        'sale_line_id',
        'purchase_line_id',
        'value',
        'quantity_done',
    ]) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as move_id,
        try_cast(product_id as bigint) as product_id,
        try_cast(product_uom_qty as decimal(18, 4)) as quantity_wanted,
        -- called quantity_done up to 16
        try_cast(coalesce(quantity, quantity_done) as decimal(18, 4)) as quantity,
        state,
        try_cast(picking_id as bigint) as picking_id,
        {{ utc('date') }} as moved_at,
        try_cast(origin_returned_move_id as bigint) as returned_move_id,
        try_cast(sale_line_id as bigint) as sale_line_id,
        try_cast(purchase_line_id as bigint) as purchase_line_id,
        try_cast(value as decimal(18, 4)) as value
    from parsed
)

select * from renamed
{{ newest_per_key() }}
