{{ config(enabled=has_kind('salesforce'), materialized='view') }}

with
headers as (
    select * from {{ ref('int_lead_headers__salesforce') }}
),

-- the CRM holds everybody who ever wrote: a customer is whoever something was, or might be, sold to
final as (
    select distinct
        source_name || ':' || account_id as customer_id,
        source_name,
        coalesce(customer_number, account_id) as customer_number,
        country,
        {{ region_of_country_code('country') }} as region,
        customer_created_at as created_at
    from headers
    where account_id is not null
)

select * from final
