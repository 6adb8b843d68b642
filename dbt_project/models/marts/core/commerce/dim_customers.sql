with
customers as (
    select * from {{ ref('int_customers') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

ordering as (
    select
        customer_id,
        min(placed_on) as first_order_on,
        max(placed_on) as last_order_on,
        count(*) as order_count,
        sum(net_amount) as net_amount
    from orders
    where customer_id is not null and status <> 'cancelled'
    group by customer_id
),

final as (
    select
        customers.customer_id,
        customers.source_name,
        customers.customer_number,
        customers.country,
        coalesce(customers.region, 'unknown') as region,
        {{ reporting_day('customers.created_at') }} as created_on,
        ordering.first_order_on,
        ordering.last_order_on,
        strftime(ordering.first_order_on, '%Y-%m') as cohort,
        coalesce(ordering.order_count, 0) as order_count,
        cast(coalesce(ordering.net_amount, 0) as decimal(18, 4)) as net_amount
    from customers
    left join ordering
        on customers.customer_id = ordering.customer_id
    where customers.created_at < {{ end_of_as_of() }} or ordering.customer_id is not null
)

select * from final
