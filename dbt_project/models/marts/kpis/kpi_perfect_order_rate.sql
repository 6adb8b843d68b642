with
orders as (
    select * from {{ ref('fct_orders') }}
),

complaints as (
    select * from {{ ref('fct_complaints') }}
),

complained as (
    select distinct order_id
    from complaints
    where order_id is not null
),

-- an order that was not whole on its day is not on time; what came back or was credited for our fault was wrong, damaged or badly billed
due as (
    select
        orders.promise_decided_on,
        case when orders.is_on_time and not coalesce(orders.has_our_fault, false) and complained.order_id is null then 1 else 0 end as is_perfect,
        orders.warehouse
    from orders
    left join complained
        on orders.order_id = complained.order_id
    where orders.promise_decided_on is not null
),

final as (
    {{ kpi_ratio('perfect_order_rate', 'due', day='promise_decided_on', numerator='is_perfect', denominator='1', segments=['warehouse']) }}
)

select * from final
