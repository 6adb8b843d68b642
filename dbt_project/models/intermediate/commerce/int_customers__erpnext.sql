{{ config(enabled=has_kind('erpnext'), materialized='view') }}

with
customers as (
    select * from {{ ref('stg_erpnext__customers') }}
),

sales_orders as (
    select * from {{ ref('stg_erpnext__sales_orders') }}
),

opportunities as (
    select * from {{ ref('stg_erpnext__opportunities') }}
),

addresses as (
    select * from {{ ref('stg_erpnext__addresses') }}
),

countries as (
    select * from {{ ref('stg_erpnext__countries') }}
),

-- whoever was sold something, or might be
dealt_with as (
    select
        source_name,
        customer_name
    from sales_orders
    where not is_deleted
    union
    select
        source_name,
        party_name as customer_name
    from opportunities
    where not is_deleted and opportunity_from = 'Customer'
),

final as (
    select
        dealt_with.source_name || ':' || dealt_with.customer_name as customer_id,
        dealt_with.source_name,
        dealt_with.customer_name as customer_number,
        countries.code as country,
        {{ region_of_territory('customers.territory') }} as region,
        customers.created_at
    from dealt_with
    left join customers
        on dealt_with.source_name = customers.source_name
        and dealt_with.customer_name = customers.customer_name
        and not customers.is_deleted
    left join addresses
        on customers.source_name = addresses.source_name
        and customers.address_name = addresses.address_name
        and not addresses.is_deleted
    left join countries
        on addresses.source_name = countries.source_name
        and addresses.country = countries.country
        and not countries.is_deleted
    where dealt_with.customer_name is not null
)

select * from final
