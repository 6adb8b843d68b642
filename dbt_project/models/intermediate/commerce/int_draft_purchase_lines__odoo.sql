{{ config(enabled=has_kind('odoo'), materialized='view') }}

with
purchase_lines as (
    select * from {{ ref('stg_odoo__purchase_lines') }}
),

purchases as (
    select * from {{ ref('stg_odoo__purchase_orders') }}
),

partners as (
    select * from {{ ref('stg_odoo__partners') }}
),

products as (
    select * from {{ ref('int_products__odoo') }}
),

final as (
    select
        purchase_lines.source_name || ':' || purchase_lines.purchase_line_id as draft_line_id,
        purchase_lines.source_name,
        purchases.number as purchase_number,
        purchases.source_name || ':' || coalesce(partners.commercial_partner_id, purchases.partner_id) as supplier_id,
        suppliers.reference as supplier_number,
        products.product as item,
        purchase_lines.quantity,
        purchases.created_at as drafted_at,
        {{ reporting_day('purchase_lines.promised_at') }} as wanted_on
    from purchase_lines
    inner join purchases
        on purchase_lines.source_name = purchases.source_name
        and purchase_lines.purchase_id = purchases.purchase_id
        and not purchases.is_deleted
    left join partners
        on purchases.source_name = partners.source_name
        and purchases.partner_id = partners.partner_id
    left join partners as suppliers
        on purchases.source_name = suppliers.source_name
        and coalesce(partners.commercial_partner_id, purchases.partner_id) = suppliers.partner_id
    left join products
        on purchase_lines.source_name || ':' || purchase_lines.product_id = products.native_product_id
    -- a request for quotation, sent or not: nothing is ordered yet
    where not purchase_lines.is_deleted
        and purchase_lines.display_type is null
        and purchases.state in ('draft', 'sent')
)

select * from final
