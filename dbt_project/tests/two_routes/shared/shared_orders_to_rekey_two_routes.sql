-- Orders that a partner's portal lacks. The second route: the sources' orders and lines, each line asked by itself whether it is in the portal yet.
with
lacking as (
    select
        orders.order_id,
        items.partner,
        sum(order_lines.quantity) as quantity
    from {{ ref('int_orders') }} as orders
    inner join {{ ref('int_order_lines') }} as order_lines
        on orders.order_id = order_lines.order_id
    inner join {{ ref('stg_files__partner_items') }} as items
        on order_lines.product = items.product
    where not items.is_deleted
        and not order_lines.is_cancelled
        and {{ reporting_day('orders.placed_at') }} between items.valid_from and {{ as_of() }}
        and orders.confirmed_at < {{ end_of_as_of() }}
        and not coalesce(orders.delivered_at < {{ end_of_as_of() }}, false)
        and not coalesce(orders.cancelled_at < {{ end_of_as_of() }}, false)
        and not orders.has_bad_values
        and not exists (
            select 1
            from {{ ref('stg_files__partner_orders') }} as entered
            where entered.reference = orders.order_number
                and not entered.is_deleted
                and coalesce(entered.status, 'open') <> 'cancelled'
                and entered.entered_on <= {{ as_of() }}
        )
    group by orders.order_id, items.partner
),

published as (
    select
        order_id,
        partner,
        list_sum(cast(json_extract_string(lines, '$[*].pieces') as decimal(18, 4)[])) as quantity
    from {{ ref('worklist_orders_to_rekey') }}
)

select
    order_id,
    partner,
    lacking.quantity as expected_quantity,
    published.quantity
from lacking
full join published using (order_id, partner)
where lacking.quantity is distinct from published.quantity
