{{ config(enabled=has_kind('online_retail'), materialized='view') }}

with
lines as (
    select * from {{ ref('stg_online_retail__lines') }}
),

-- eight customers were invoiced in two countries: the latest one holds
final as (
    select
        source_name || ':' || customer_number as customer_id,
        source_name,
        cast(customer_number as varchar) as customer_number,
        arg_max(country, (invoiced_at, record_key)) as country,
        {{ region_of_country_name('arg_max(country, (invoiced_at, record_key))') }} as region,
        min(invoiced_at) as created_at
    from lines
    where not is_deleted and customer_number is not null
    group by source_name, customer_number
)

select * from final
