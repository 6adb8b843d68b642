{{ config(enabled=has_kind('online_retail'), materialized='view') }}

with
lines as (
    select * from {{ ref('stg_online_retail__lines') }}
),

-- few customers, many lines: what is compared row by row below is one row per country
countries as (
    select
        source_name,
        customer_number,
        country,
        min(invoiced_at) as first_at,
        max(invoiced_at) as latest_at
    from lines
    where not is_deleted and customer_number is not null
    group by source_name, customer_number, country
),

-- eight customers were invoiced in two countries: the latest one holds, of two in one minute the later in the alphabet
customers as (
    select
        source_name,
        customer_number,
        arg_max(country, (latest_at, country)) as country,
        min(first_at) as created_at
    from countries
    group by source_name, customer_number
),

final as (
    select
        source_name || ':' || customer_number as customer_id,
        source_name,
        cast(customer_number as varchar) as customer_number,
        country,
        {{ region_of_country_name('country') }} as region,
        created_at
    from customers
)

select * from final
