{{ config(enabled=has_kind('tryton'), materialized='view') }}

with
sales as (
    select * from {{ ref('stg_tryton__sales') }}
),

sale_lines as (
    select * from {{ ref('stg_tryton__sale_lines') }}
),

invoices as (
    select * from {{ ref('stg_tryton__invoices') }}
),

invoice_lines as (
    select * from {{ ref('stg_tryton__invoice_lines') }}
),

document_states as (
    select * from {{ ref('int_document_states__tryton') }}
),

currencies as (
    select * from {{ ref('stg_tryton__currencies') }}
),

returns as (
    select
        sales.source_name || ':sale:' || sales.sale_id as correction_id,
        sales.source_name || ':' || sales.origin_id as order_id,
        sales.source_name,
        coalesce(document_states.quotation_at, sales.created_at) as corrected_at,
        'return' as kind,
        sales.description,
        sales.comment,
        sales.currency_id,
        -sales.untaxed_amount as amount
    from sales
    left join document_states
        on sales.source_name = document_states.source_name
        and document_states.model = 'sale.sale'
        and sales.sale_id = document_states.document_id
    where not sales.is_deleted
        and sales.origin_model = 'sale.sale'
        and sales.state not in ('draft', 'cancelled')
),

-- the sale that a credit note is made for stands on its lines
credited_sales as (
    select
        invoice_lines.source_name,
        invoice_lines.invoice_id,
        min(sales.sale_id) as sale_id,
        bool_or(sales.origin_model = 'sale.sale') as is_for_return
    from invoice_lines
    inner join sale_lines
        on invoice_lines.source_name = sale_lines.source_name
        and invoice_lines.origin_id = sale_lines.sale_line_id
        and invoice_lines.origin_model = 'sale.line'
    inner join sales
        on sale_lines.source_name = sales.source_name
        and sale_lines.sale_id = sales.sale_id
    where not invoice_lines.is_deleted
    group by invoice_lines.source_name, invoice_lines.invoice_id
),

orders_by_number as (
    select
        source_name,
        number as order_number,
        source_name || ':' || min(sale_id) as order_id
    from sales
    where not is_deleted and quoted_on is not null and origin_model is distinct from 'sale.sale'
    group by source_name, number
),

-- the credit note that pays a return back is the return's, not a second correction
credits as (
    select
        invoices.source_name || ':invoice:' || invoices.invoice_id as correction_id,
        coalesce(invoices.source_name || ':' || credited_sales.sale_id, orders_by_number.order_id) as order_id,
        invoices.source_name,
        invoices.created_at as corrected_at,
        'credit' as kind,
        invoices.description,
        invoices.comment,
        invoices.currency_id,
        -invoices.untaxed_amount as amount
    from invoices
    left join credited_sales
        on invoices.source_name = credited_sales.source_name
        and invoices.invoice_id = credited_sales.invoice_id
    left join orders_by_number
        on invoices.source_name = orders_by_number.source_name
        and invoices.reference = orders_by_number.order_number
    where not invoices.is_deleted
        and invoices.kind = 'out'
        and invoices.untaxed_amount < 0
        and invoices.state not in ('draft', 'cancelled')
        and not coalesce(credited_sales.is_for_return, false)
),

corrections as (
    select * from returns
    union all by name
    select * from credits
),

final as (
    select
        corrections.correction_id,
        corrections.order_id,
        corrections.source_name,
        corrections.corrected_at,
        corrections.kind,
        'refunded' as revenue_effect,
        -- the description reads 'Return: damaged'
        nullif(regexp_extract(corrections.description, '^\w+: (.+)$', 1), '') as reason,
        case
            when corrections.comment like '%Fault: ours%' then true
            when corrections.comment like '%Fault: customer%' then false
        end as is_our_fault,
        -- those of its order
        cast(null as varchar) as business_unit,
        cast(null as varchar) as region,
        currencies.code as currency,
        cast(corrections.amount as decimal(18, 4)) as amount
    from corrections
    left join currencies
        on corrections.source_name = currencies.source_name
        and corrections.currency_id = currencies.currency_id
)

select * from final
