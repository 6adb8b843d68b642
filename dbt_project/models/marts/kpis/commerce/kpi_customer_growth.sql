with
orders as (
    select * from {{ ref('fct_orders') }}
),

-- numbers, as to sort orders by a text takes twice as long
customers as (
    select
        *,
        row_number() over (order by customer_id) as customer_place
    from {{ ref('dim_customers') }}
),

-- A customer is active for 365 days from an order, its own day included. Stretches of one customer do not overlap: each ends where the next begins.
stretches as (
    select
        customers.region,
        orders.placed_on as active_from,
        least(orders.placed_on + 365, lead(orders.placed_on) over by_time) as active_until
    from orders
    inner join customers
        on orders.customer_id = customers.customer_id
    where orders.status <> 'cancelled'
    window by_time as (partition by customers.customer_place order by orders.placed_on)
),

active as (
    {{ kpi_at_period_end('customer_growth', 'stretches', opened_on='active_from', closed_on='active_until', segments=['region']) }}
),

compared as (
    select
        *,
        lag(value) over (partition by period_grain, segment_type, segment order by period_start) as active_before
    from active
),

final as (
    select
        kpi,
        period_grain,
        period_start,
        segment_type,
        segment,
        (value - active_before) / nullif(active_before, 0) as value,
        value - active_before as numerator,
        active_before as denominator,
        cast(coalesce(active_before, 0) as bigint) as sample_size
    from compared
)

select * from final
