{{ config(enabled=has_kind('online_retail'), materialized='view') }}

with
lines as (
    select * from {{ ref('stg_online_retail__lines') }}
),

documents as (
    select
        source_name,
        invoice_number,
        min(invoiced_at) as invoiced_at,
        min(country) as country,
        sum(quantity * unit_price) as amount
    from lines
    -- digits come before letters: by the first condition most blocks of the table are not even read
    where not is_deleted and invoice_number >= 'A' and left(invoice_number, 1) in ('A', 'C')
    group by source_name, invoice_number
),

final as (
    select
        source_name || ':' || invoice_number as correction_id,
        cast(null as varchar) as order_id,
        source_name,
        invoiced_at as corrected_at,
        case when starts_with(invoice_number, 'C') then 'credit' else 'correction' end as kind,
        case when starts_with(invoice_number, 'C') then 'cancelled' else 'adjusted' end as revenue_effect,
        cast(null as varchar) as reason,
        cast(null as boolean) as is_our_fault,
        source_name as business_unit,
        {{ region_of_country_name('country') }} as region,
        'GBP' as currency,
        -- what the document takes away from revenue
        cast(-amount as decimal(18, 4)) as amount
    from documents
)

select * from final
