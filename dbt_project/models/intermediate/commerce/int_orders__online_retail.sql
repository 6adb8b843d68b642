{{ config(enabled=has_kind('online_retail')) }}

with
lines as (
    select * from {{ ref('stg_online_retail__lines') }}
    where {{ only_changed_numbers('int_changed_orders', 'order_id', 'invoice_number') }}
),

invoices as (
    select
        source_name,
        invoice_number,
        min(invoiced_at) as invoiced_at,
        min(customer_number) as customer_number,
        min(country) as country
    from lines
    where not is_deleted
    group by source_name, invoice_number
    -- C takes an invoice back, A adjusts the books; a count of stock sells nothing (no customer, no price, often less than nothing)
    having not starts_with(invoice_number, 'C')
        and not starts_with(invoice_number, 'A')
        and max(quantity) > 0
        and (min(customer_number) is not null or sum(quantity * unit_price) > 0)
),

final as (
    select
        source_name || ':' || invoice_number as order_id,
        source_name,
        invoice_number as order_number,
        source_name || ':' || customer_number as customer_id,
        source_name as business_unit,
        cast(null as varchar) as channel,
        cast(null as varchar) as campaign,
        {{ region_of_country_name('country') }} as region,
        cast(null as varchar) as warehouse,
        cast(null as varchar) as warehouse_time_zone,
        cast(null as varchar) as carrier,
        'GBP' as currency,
        invoiced_at as placed_at,
        -- an invoice is written when the shop accepts the order; what happens after it the export does not say
        invoiced_at as confirmed_at,
        cast(null as timestamp) as picked_at,
        cast(null as timestamp) as packed_at,
        cast(null as timestamp) as shipped_at,
        cast(null as timestamp) as delivered_at,
        cast(null as timestamp) as cancelled_at,
        cast(null as date) as requested_on,
        cast(null as date) as promised_on,
        cast(null as date) as first_promised_on,
        cast(null as timestamp) as promise_moved_at,
        -- a cancellation does not name the invoice it cancels
        false as has_linked_corrections,
        -- the export does not tell whose hand it was
        {%- for step in order_steps() %}
        cast(null as varchar) as {{ step }}_by{{ ',' if not loop.last }}
        {%- endfor %}
    from invoices
)

select * from final
