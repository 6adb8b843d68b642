{{ config(enabled=has_kind('shopify'), materialized='view') }}

with
orders as (
    select * from {{ ref('stg_shopify__orders') }}
),

customers as (
    select * from {{ ref('stg_shopify__customers') }}
),

-- who only left an address is none yet
buyers as (
    select distinct
        source_name,
        customer_number
    from orders
    where not is_deleted and not is_test and customer_number is not null
),

final as (
    select
        buyers.source_name || ':' || buyers.customer_number as customer_id,
        buyers.source_name,
        customers.number_elsewhere as customer_number,
        customers.country,
        {{ region_of_country_code('customers.country') }} as region,
        customers.created_at
    from buyers
    left join customers
        on buyers.source_name = customers.source_name
        and buyers.customer_number = customers.customer_number
        and not customers.is_deleted
)

select * from final
