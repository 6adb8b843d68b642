{{ config(enabled=has_kind('odoo'), materialized='view') }}

{%- set masters = ['companies', 'currencies', 'media', 'campaigns', 'countries', 'warehouses', 'picking_types', 'carriers', 'tracked_fields'] %}

with
sale_orders as (
    select * from {{ ref('stg_odoo__sale_orders') }}
),

sale_lines as (
    select * from {{ ref('stg_odoo__sale_lines') }}
),

pickings as (
    select * from {{ ref('stg_odoo__pickings') }}
),

moves as (
    select * from {{ ref('stg_odoo__moves') }}
),

valuation_layers as (
    select * from {{ ref('stg_odoo__valuation_layers') }}
),

products as (
    select * from {{ ref('stg_odoo__products') }}
),

partners as (
    select * from {{ ref('stg_odoo__partners') }}
),

order_parts as (
    select * from {{ ref('int_order_parts__odoo') }}
),
{% for model in masters %}
{{ model }} as (
    select * from {{ ref('stg_odoo__' ~ model) }}
),
{% endfor %}
changed_parts as (
    select source_name, 'sale.order.line' as model, try_cast(record_key as bigint) as part_id from sale_lines where {{ landed_tonight() }}
    union
    select source_name, 'stock.picking', try_cast(record_key as bigint) from pickings where {{ landed_tonight() }}
    union
    select source_name, 'stock.picking', picking_id from pickings where greatest(done_at, delivered_at) >= {{ end_of_last_build() }}
    union
    select source_name, 'stock.move', try_cast(record_key as bigint) from moves where {{ landed_tonight() }}
    union
    select source_name, 'stock.valuation.layer', try_cast(record_key as bigint) from valuation_layers where {{ landed_tonight() }}
    union
    {{ happened_since(ref('stg_odoo__tracking_values'), "source_name, 'mail.tracking.value', try_cast(record_key as bigint)", 'changed_at') }}
),

concerned as (
    select source_name, try_cast(record_key as bigint) as sale_id from sale_orders where {{ landed_tonight() }}
    union
    select source_name, sale_id from sale_orders where greatest(created_at, changed_at, ordered_at) >= {{ end_of_last_build() }}
    union
    select order_parts.source_name, order_parts.sale_id
    from order_parts
    semi join changed_parts using (source_name, model, part_id)
    union
    select sale_lines.source_name, sale_lines.sale_id
    from sale_lines
    semi join products
        on sale_lines.source_name = products.source_name
        and sale_lines.product_id = products.product_id
        and {{ landed_tonight('products.batch_id') }}
    union
    select sale_orders.source_name, sale_orders.sale_id
    from sale_orders
    semi join partners
        on sale_orders.source_name = partners.source_name
        and partners.partner_id in (sale_orders.partner_id, sale_orders.shipping_partner_id)
        and {{ landed_tonight('partners.batch_id') }}
    union
    -- names and clocks that any order may be seen through: of these few change, and seldom
    select source_name, sale_id
    from sale_orders
    where exists (
        select 1 from partners
        where {{ landed_tonight('partners.batch_id') }}
            and (
                exists (select 1 from companies where companies.source_name = partners.source_name and companies.partner_id = partners.partner_id)
                or exists (select 1 from warehouses where warehouses.source_name = partners.source_name and warehouses.partner_id = partners.partner_id)
            )
    )
    {%- for model in masters %}
        or {{ has_landed_tonight(model) }}
    {%- endfor %}
),

final as (
    select source_name || ':' || sale_id as order_id
    from concerned
    where sale_id is not null
)

select * from final
