{{ config(enabled=has_kind('odoo'), materialized='view') }}

with
purchase_lines as (
    select * from {{ ref('stg_odoo__purchase_lines') }}
),

purchases as (
    select * from {{ ref('stg_odoo__purchase_orders') }}
),

moves as (
    select * from {{ ref('stg_odoo__moves') }}
),

pickings as (
    select * from {{ ref('stg_odoo__pickings') }}
),

picking_types as (
    select * from {{ ref('stg_odoo__picking_types') }}
),

own_warehouses as (
    select * from {{ ref('stg_odoo__warehouses') }}
),

partners as (
    select * from {{ ref('stg_odoo__partners') }}
),

products as (
    select * from {{ ref('int_products__odoo') }}
),

warehouses as (
    select * from {{ ref('warehouses') }}
),

-- a line has come when nothing of it is still to come; what goes back to the supplier is no arrival
arrivals as (
    select
        moves.source_name,
        moves.purchase_line_id,
        bool_and(moves.state = 'done') as is_complete,
        max(coalesce(pickings.done_at, moves.moved_at)) as received_at
    from moves
    left join pickings
        on moves.source_name = pickings.source_name
        and moves.picking_id = pickings.picking_id
    where not moves.is_deleted
        and moves.purchase_line_id is not null
        and moves.returned_move_id is null
        and moves.state <> 'cancel'
    group by moves.source_name, moves.purchase_line_id
),

final as (
    select
        purchase_lines.source_name || ':' || purchase_lines.purchase_line_id as receipt_id,
        purchase_lines.source_name,
        purchases.number as purchase_number,
        purchases.source_name || ':' || coalesce(partners.commercial_partner_id, purchases.partner_id) as supplier_id,
        suppliers.reference as supplier_number,
        suppliers.name as supplier,
        products.product as item,
        own_warehouses.code as warehouse,
        coalesce(warehouses.time_zone, homes.time_zone) as warehouse_time_zone,
        coalesce(purchases.approved_at, purchases.ordered_at) as ordered_at,
        {{ reporting_day('coalesce(purchases.approved_at, purchases.ordered_at)') }} as ordered_on,
        {{ day_in('purchase_lines.promised_at', 'coalesce(warehouses.time_zone, homes.time_zone)') }} as promised_on,
        case when arrivals.is_complete then arrivals.received_at end as received_at,
        case when arrivals.is_complete then {{ reporting_day('arrivals.received_at') }} end as received_on,
        purchases.state = 'cancel' as is_cancelled,
        purchase_lines.quantity
    from purchase_lines
    inner join purchases
        on purchase_lines.source_name = purchases.source_name
        and purchase_lines.purchase_id = purchases.purchase_id
        and not purchases.is_deleted
    left join arrivals
        on purchase_lines.source_name = arrivals.source_name
        and purchase_lines.purchase_line_id = arrivals.purchase_line_id
    left join partners
        on purchases.source_name = partners.source_name
        and purchases.partner_id = partners.partner_id
    left join partners as suppliers
        on purchases.source_name = suppliers.source_name
        and coalesce(partners.commercial_partner_id, purchases.partner_id) = suppliers.partner_id
    left join products
        on purchase_lines.source_name || ':' || purchase_lines.product_id = products.native_product_id
    left join picking_types
        on purchases.source_name = picking_types.source_name
        and purchases.picking_type_id = picking_types.picking_type_id
    left join own_warehouses
        on picking_types.source_name = own_warehouses.source_name
        and picking_types.warehouse_id = own_warehouses.warehouse_id
    left join partners as homes
        on own_warehouses.source_name = homes.source_name
        and own_warehouses.partner_id = homes.partner_id
    left join warehouses
        on own_warehouses.code = warehouses.warehouse
    -- a request for quotation is not ordered yet, and one that was cancelled as such never was
    where not purchase_lines.is_deleted
        and purchase_lines.display_type is null
        and (purchases.state in ('purchase', 'done') or (purchases.state = 'cancel' and purchases.approved_at is not null))
)

select * from final
