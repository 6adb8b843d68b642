{{ config(enabled=has_kind('shopify'), materialized='view') }}

{%- set masters = ['shops', 'locations'] %}

with
orders as (
    select * from {{ ref('stg_shopify__orders') }}
),

order_lines as (
    select * from {{ ref('stg_shopify__order_lines') }}
),

product_variants as (
    select * from {{ ref('stg_shopify__product_variants') }}
),

inventory_items as (
    select * from {{ ref('stg_shopify__inventory_items') }}
),

customers as (
    select * from {{ ref('stg_shopify__customers') }}
),
{% for model in masters %}
{{ model }} as (
    select * from {{ ref('stg_shopify__' ~ model) }}
),
{% endfor %}
changed_variants as (
    select product_variants.source_name, product_variants.variant_number
    from product_variants
    left join inventory_items
        on product_variants.source_name = inventory_items.source_name
        and product_variants.item_number = inventory_items.item_number
    where {{ landed_tonight('product_variants.batch_id') }} or {{ landed_tonight('inventory_items.batch_id') }}
),

concerned as (
    -- whatever happens to an order stamps it
    {{ happened_since(ref('stg_shopify__orders'), 'source_name, order_number', 'changed_at') }}
    union
    select order_lines.source_name, order_lines.order_number
    from order_lines
    semi join changed_variants using (source_name, variant_number)
    union
    select orders.source_name, orders.order_number
    from orders
    semi join customers
        on orders.source_name = customers.source_name
        and orders.customer_number = customers.customer_number
        and {{ landed_tonight('customers.batch_id') }}
    union
    -- names and clocks that any order may be seen through: of these few change, and seldom
    select source_name, order_number
    from orders
    where false
    {%- for model in masters %}
        or {{ has_landed_tonight(model) }}
    {%- endfor %}
),

final as (
    select source_name || ':' || order_number as order_id
    from concerned
)

select * from final
