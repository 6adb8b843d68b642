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

-- an order keeps its customer in the window for 365 days, its own day included
ordered as (
    select
        customers.cohort,
        customers.region,
        orders.placed_on,
        orders.placed_on + 365 as leaves_on,
        lead(orders.placed_on) over by_time as next_placed_on,
        lead(orders.placed_on, 2) over by_time as second_next_placed_on
    from orders
    inner join customers
        on orders.customer_id = customers.customer_id
    where orders.status <> 'cancelled'
    window by_time as (partition by customers.customer_place order by orders.placed_on)
),

-- Intervals of one customer do not overlap: each ends where the next begins. So a customer counts once, however often he orders.
stays as (
    select
        cohort,
        region,
        0 as is_repeated,
        1 as is_customer,
        placed_on as counts_from,
        least(leaves_on, next_placed_on) as counts_until
    from ordered
    union all
    select
        cohort,
        region,
        1 as is_repeated,
        0 as is_customer,
        next_placed_on as counts_from,
        least(leaves_on, second_next_placed_on) as counts_until
    from ordered
    where next_placed_on is not null
),

real_stays as (
    select *
    from stays
    where counts_from < counts_until
),

final as (
    {{ kpi_ratio_at_period_end(
        'repurchase_rate',
        'real_stays',
        opened_on='counts_from',
        closed_on='counts_until',
        numerator='is_repeated',
        denominator='is_customer',
        segments=['cohort', 'region']
    ) }}
)

select * from final
