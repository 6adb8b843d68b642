with
catalogue as (
    select * from {{ ref('int_products') }}
),

order_lines as (
    select * from {{ ref('int_order_lines') }}
),

-- what was sold but stands in no catalogue
sold as (
    select
        source_name,
        product,
        max(product_name) as product_name
    from order_lines
    where product is not null
    group by source_name, product
),

-- two variants may share a code: the newest describes it
described as (
    select
        source_name,
        product,
        arg_max(product_name, native_product_id) as product_name,
        arg_max(category, native_product_id) as category,
        arg_max(list_price, native_product_id) as list_price,
        arg_max(cost_price, native_product_id) as cost_price
    from catalogue
    group by source_name, product
),

final as (
    select
        coalesce(described.source_name, sold.source_name) || ':' || coalesce(described.product, sold.product) as product_id,
        coalesce(described.source_name, sold.source_name) as source_name,
        coalesce(described.product, sold.product) as product,
        coalesce(described.product_name, sold.product_name) as product_name,
        described.category,
        described.list_price,
        described.cost_price
    from described
    full outer join sold
        on described.source_name = sold.source_name
        and described.product = sold.product
)

select * from final
