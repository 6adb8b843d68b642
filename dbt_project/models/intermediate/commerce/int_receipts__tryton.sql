{{ config(enabled=has_kind('tryton'), materialized='view') }}

with
purchase_lines as (
    select * from {{ ref('stg_tryton__purchase_lines') }}
),

purchases as (
    select * from {{ ref('stg_tryton__purchases') }}
),

moves as (
    select * from {{ ref('stg_tryton__moves') }}
),

document_states as (
    select * from {{ ref('int_document_states__tryton') }}
),

parties as (
    select * from {{ ref('stg_tryton__parties') }}
),

product_suppliers as (
    select * from {{ ref('stg_tryton__product_suppliers') }}
),

products as (
    select * from {{ ref('int_products__tryton') }}
),

locations as (
    select * from {{ ref('stg_tryton__locations') }}
),

warehouses as (
    select * from {{ ref('warehouses') }}
),

-- parties are people for the most part, so their names do not land; those of firms that sell to us stand beside what they sell
supplier_names as (
    select
        source_name,
        party_id,
        any_value(supplier) as supplier
    from product_suppliers
    where not is_deleted and supplier is not null
    group by source_name, party_id
),

-- a line has come when nothing of it is still to come
arrivals as (
    select
        moves.source_name,
        moves.origin_id as purchase_line_id,
        bool_and(moves.state = 'done') as is_complete,
        max(document_states.done_at) as received_at,
        max(moves.effective_on) as effective_on
    from moves
    left join document_states
        on moves.source_name = document_states.source_name
        and moves.shipment_model = document_states.model
        and moves.shipment_id = document_states.document_id
    where not moves.is_deleted
        and moves.origin_model = 'purchase.line'
        and moves.state <> 'cancelled'
    group by moves.source_name, moves.origin_id
),

final as (
    select
        purchase_lines.source_name || ':' || purchase_lines.purchase_line_id as receipt_id,
        purchase_lines.source_name,
        purchases.number as purchase_number,
        purchases.source_name || ':' || purchases.party_id as supplier_id,
        parties.code as supplier_number,
        coalesce(supplier_names.supplier, parties.name) as supplier,
        products.product as item,
        locations.code as warehouse,
        warehouses.time_zone as warehouse_time_zone,
        coalesce(purchase_states.quotation_at, purchases.created_at) as ordered_at,
        {{ reporting_day('coalesce(purchase_states.quotation_at, purchases.created_at)') }} as ordered_on,
        -- the line's own date once somebody set it, else the purchase's
        coalesce(case when purchase_lines.is_delivery_date_edited then purchase_lines.edited_delivery_on end, purchases.delivery_on) as promised_on,
        case when arrivals.is_complete then arrivals.received_at end as received_at,
        case when arrivals.is_complete then coalesce({{ reporting_day('arrivals.received_at') }}, arrivals.effective_on) end as received_on,
        purchases.state = 'cancelled' as is_cancelled,
        purchase_lines.quantity
    from purchase_lines
    inner join purchases
        on purchase_lines.source_name = purchases.source_name
        and purchase_lines.purchase_id = purchases.purchase_id
        and not purchases.is_deleted
    left join document_states as purchase_states
        on purchases.source_name = purchase_states.source_name
        and purchase_states.model = 'purchase.purchase'
        and purchases.purchase_id = purchase_states.document_id
    left join arrivals
        on purchase_lines.source_name = arrivals.source_name
        and purchase_lines.purchase_line_id = arrivals.purchase_line_id
    left join parties
        on purchases.source_name = parties.source_name
        and purchases.party_id = parties.party_id
    left join supplier_names
        on purchases.source_name = supplier_names.source_name
        and purchases.party_id = supplier_names.party_id
    left join products
        on purchase_lines.source_name || ':' || purchase_lines.product_id = products.native_product_id
    left join locations
        on purchases.source_name = locations.source_name
        and purchases.warehouse_id = locations.location_id
    left join warehouses
        on locations.code = warehouses.warehouse
    -- a draft is not ordered yet
    where not purchase_lines.is_deleted
        and purchase_lines.kind = 'line'
        and purchases.state <> 'draft'
)

select * from final
