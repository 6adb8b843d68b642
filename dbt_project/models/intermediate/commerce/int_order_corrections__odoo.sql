{{ config(enabled=has_kind('odoo'), materialized='view') }}

with
sale_orders as (
    select * from {{ ref('stg_odoo__sale_orders') }}
),

sale_lines as (
    select * from {{ ref('stg_odoo__sale_lines') }}
),

pickings as (
    select * from {{ ref('stg_odoo__pickings') }}
),

moves as (
    select * from {{ ref('stg_odoo__moves') }}
),

invoices as (
    select * from {{ ref('stg_odoo__invoices') }}
),

invoice_lines as (
    select * from {{ ref('stg_odoo__invoice_lines') }}
),

currencies as (
    select * from {{ ref('stg_odoo__currencies') }}
),

-- goods that come back name the movement by which they went
returned as (
    select
        moves.source_name,
        moves.picking_id,
        sale_lines.sale_line_id,
        sale_lines.sale_id,
        case when moves.state = 'done' then moves.quantity else moves.quantity_wanted end as quantity,
        sale_lines.list_unit_price * (1 - coalesce(sale_lines.discount_percent, 0) / 100) as unit_price
    from moves
    left join moves as sent
        on moves.source_name = sent.source_name
        and moves.returned_move_id = sent.move_id
    inner join sale_lines
        on moves.source_name = sale_lines.source_name
        and coalesce(moves.sale_line_id, sent.sale_line_id) = sale_lines.sale_line_id
    where not moves.is_deleted
        and moves.returned_move_id is not null
        and moves.state <> 'cancel'
),

returns as (
    select
        returned.source_name || ':picking:' || returned.picking_id as correction_id,
        returned.source_name,
        returned.sale_id,
        any_value(pickings.created_at) as corrected_at,
        'return' as kind,
        any_value(pickings.reason) as reason,
        any_value(pickings.fault) as fault,
        any_value(sale_orders.currency_id) as currency_id,
        sum(round(returned.quantity * returned.unit_price, 2)) as amount
    from returned
    inner join pickings
        on returned.source_name = pickings.source_name
        and returned.picking_id = pickings.picking_id
        and not pickings.is_deleted
        and pickings.state not in ('draft', 'cancel')
    inner join sale_orders
        on returned.source_name = sale_orders.source_name
        and returned.sale_id = sale_orders.sale_id
    group by returned.source_name, returned.picking_id, returned.sale_id
),

credited_lines as (
    select
        source_name,
        invoice_id,
        unnest(sale_line_ids) as sale_line_id
    from invoice_lines
    where not is_deleted
),

-- a credit note for nothing but what came back is the return's, not a second correction
credited as (
    select
        credited_lines.source_name,
        credited_lines.invoice_id,
        min(sale_lines.sale_id) as sale_id,
        bool_and(returned.sale_line_id is not null) as is_for_return
    from credited_lines
    inner join sale_lines
        on credited_lines.source_name = sale_lines.source_name
        and credited_lines.sale_line_id = sale_lines.sale_line_id
    left join (select distinct source_name, sale_line_id from returned) as returned
        on credited_lines.source_name = returned.source_name
        and credited_lines.sale_line_id = returned.sale_line_id
    group by credited_lines.source_name, credited_lines.invoice_id
),

orders_by_number as (
    select
        source_name,
        number,
        min(sale_id) as sale_id
    from sale_orders
    where not is_deleted
    group by source_name, number
),

credits as (
    select
        invoices.source_name || ':invoice:' || invoices.invoice_id as correction_id,
        invoices.source_name,
        coalesce(credited.sale_id, orders_by_number.sale_id) as sale_id,
        invoices.created_at as corrected_at,
        'credit' as kind,
        -- Odoo writes the reason it asks for behind the number of what is taken back
        coalesce(invoices.reason, nullif(regexp_extract(invoices.reference, '^Reversal of: [^,]+, (.+)$', 1), '')) as reason,
        invoices.fault,
        invoices.currency_id,
        invoices.untaxed_amount as amount
    from invoices
    left join credited
        on invoices.source_name = credited.source_name
        and invoices.invoice_id = credited.invoice_id
    left join orders_by_number
        on invoices.source_name = orders_by_number.source_name
        and invoices.origin = orders_by_number.number
    where not invoices.is_deleted
        and invoices.kind = 'out_refund'
        and invoices.state = 'posted'
        and not coalesce(credited.is_for_return, false)
),

corrections as (
    select * from returns
    union all by name
    select * from credits
),

final as (
    select
        corrections.correction_id,
        corrections.source_name || ':' || corrections.sale_id as order_id,
        corrections.source_name,
        corrections.corrected_at,
        corrections.kind,
        'refunded' as revenue_effect,
        corrections.reason,
        case corrections.fault when 'ours' then true when 'customer' then false end as is_our_fault,
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
