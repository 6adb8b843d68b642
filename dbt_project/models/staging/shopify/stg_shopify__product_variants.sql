-- A product is taken apart into its variants here, once: they are what is sold.
{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('shopify', 'products') }}
),

parsed as (
    {{ parse('source', ['title', 'productType', 'variants'], nested=['variants']) }}
),

newest as (
    select * from parsed
    {{ newest_per_key() }}
),

-- one without any keeps one row, or a later reading of it could not replace an earlier one
opened as (
    select
        *,
        unnest(coalesce(nullif(json_transform(
                variants, '[{"id": "VARCHAR", "sku": "VARCHAR", "title": "VARCHAR", "price": "DECIMAL(18,4)", "inventoryItem": {"id": "VARCHAR"}}]'
            ), []), [null])) as variant
    from newest
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        {{ shopify_number('variant.id') }} as variant_number,
        nullif(variant.sku, '') as sku,
        -- a product that comes in one kind alone has a variant of this name
        case when variant.title = 'Default Title' then title else concat_ws(', ', title, variant.title) end as name,
        nullif(producttype, '') as category,
        variant.price as list_price,
        {{ shopify_number('variant.inventoryItem.id') }} as item_number
    from opened
)

select * from renamed
