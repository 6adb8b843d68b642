{{ config(enabled=has_kind('tryton'), materialized='view') }}

with
purchase_lines as (
    select * from {{ ref('stg_tryton__purchase_lines') }}
),

purchases as (
    select * from {{ ref('stg_tryton__purchases') }}
),

parties as (
    select * from {{ ref('stg_tryton__parties') }}
),

products as (
    select * from {{ ref('int_products__tryton') }}
),

final as (
    select
        purchase_lines.source_name || ':' || purchase_lines.purchase_line_id as draft_line_id,
        purchase_lines.source_name,
        coalesce(purchases.number, cast(purchases.purchase_id as varchar)) as purchase_number,
        purchases.source_name || ':' || purchases.party_id as supplier_id,
        parties.code as supplier_number,
        products.product as item,
        purchase_lines.quantity,
        purchases.created_at as drafted_at,
        purchases.delivery_on as wanted_on
    from purchase_lines
    inner join purchases
        on purchase_lines.source_name = purchases.source_name
        and purchase_lines.purchase_id = purchases.purchase_id
        and not purchases.is_deleted
    left join parties
        on purchases.source_name = parties.source_name
        and purchases.party_id = parties.party_id
    left join products
        on purchase_lines.source_name || ':' || purchase_lines.product_id = products.native_product_id
    where not purchase_lines.is_deleted
        and purchase_lines.kind = 'line'
        and purchases.state = 'draft'
)

select * from final
