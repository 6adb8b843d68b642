{{ config(enabled=has_kind('hubspot'), materialized='view') }}

with
lead_customers as (
    select * from {{ ref('int_lead_customers__hubspot') }}
),

-- the CRM holds everybody who ever wrote: a customer is whoever something was, or might be, sold to
final as (
    select distinct
        customer_id,
        source_name,
        customer_number,
        country,
        {{ region_of_country_code('country') }} as region,
        created_at
    from lead_customers
    where customer_id is not null
)

select * from final
