with
orders as (
    select * from {{ ref('fct_orders') }}
),

delivered as (
    select *
    from orders
    where delivered_on is not null and status <> 'cancelled'
),

final as (
    {{ kpi_median('order_cycle_hours', 'delivered', day='delivered_on', value='cycle_hours', segments=['warehouse', 'region']) }}
)

select * from final
