{{ config(enabled=has_kind('shopify'), materialized='view') }}

with
customers as (
    select * from {{ ref('stg_shopify__customers') }}
),

orders as (
    select * from {{ ref('stg_shopify__orders') }}
),

-- who only left an address is none yet
final as (
    select
        source_name || ':' || customer_number as customer_id,
        source_name,
        number_elsewhere as customer_number,
        country,
        {{ region_of_country_code('country') }} as region,
        created_at
    from customers
    semi join orders
        on customers.source_name = orders.source_name
        and customers.customer_number = orders.customer_number
        and not orders.is_deleted
        and not orders.is_test
    where not is_deleted
)

select * from final
