with
orders as (
    select * from {{ ref('fct_orders') }}
),

order_lines as (
    select * from {{ ref('fct_order_lines') }}
),

delivered as (
    select *
    from orders
    where delivered_on is not null and status <> 'cancelled'
),

delivered_lines as (
    select
        delivered.delivered_on,
        delivered.warehouse
    from order_lines
    inner join delivered using (order_id)
),

order_days as (
    {{ kpi_per_day('order_throughput', 'delivered', day='delivered_on', value='1', segments=['warehouse']) }}
),

line_days as (
    {{ kpi_per_day('order_line_throughput', 'delivered_lines', day='delivered_on', value='1', segments=['warehouse']) }}
),

final as (
    select * from order_days
    union all
    select * from line_days
)

select * from final
