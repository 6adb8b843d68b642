{{ config(enabled=has_kind('shopify'), materialized='view') }}

with
product_variants as (
    select * from {{ ref('stg_shopify__product_variants') }}
),

inventory_items as (
    select * from {{ ref('stg_shopify__inventory_items') }}
),

shops as (
    select * from {{ ref('stg_shopify__shops') }}
),

final as (
    select
        product_variants.source_name || ':' || product_variants.variant_number as native_product_id,
        product_variants.source_name,
        coalesce(product_variants.sku, cast(product_variants.variant_number as varchar)) as product,
        product_variants.name as product_name,
        product_variants.category,
        case when not inventory_items.requires_shipping then 'service' else 'goods' end as kind,
        product_variants.list_price,
        inventory_items.unit_cost as cost_price,
        coalesce(inventory_items.cost_currency, shops.currency) as currency
    from product_variants
    left join inventory_items
        on product_variants.source_name = inventory_items.source_name
        and product_variants.item_number = inventory_items.item_number
        and not inventory_items.is_deleted
    left join shops
        on product_variants.source_name = shops.source_name
        and not shops.is_deleted
    where not product_variants.is_deleted and product_variants.variant_number is not null
)

select * from final
