-- Order throughput: the months of a warehouse add up to its delivered orders and their lines, straight from the canonical ones.
with
delivered as (
    select
        coalesce(warehouse, 'unknown') as segment,
        order_id
    from {{ ref('fct_orders') }}
    where delivered_on is not null and status <> 'cancelled' and delivered_on <= {{ as_of() }}
),

lines as (
    select
        order_id,
        count(*) as line_count
    from {{ ref('int_order_lines') }}
    group by order_id
),

expected as (
    select
        delivered.segment,
        count(*) as orders,
        coalesce(sum(lines.line_count), 0) as order_lines
    from delivered
    left join lines using (order_id)
    group by delivered.segment
),

measured as (
    select
        segment,
        coalesce(sum(numerator) filter (where kpi = 'order_throughput'), 0) as orders,
        coalesce(sum(numerator) filter (where kpi = 'order_line_throughput'), 0) as order_lines
    from {{ ref('kpi_order_throughput') }}
    where period_grain = 'month' and segment_type = 'warehouse'
    group by segment
)

select *
from measured
full outer join expected using (segment)
where coalesce(measured.orders <> expected.orders or measured.order_lines <> expected.order_lines, true)
