with
orders as (
    select * from {{ ref('fct_orders') }}
),

-- a source that does not tell which order a correction belongs to says nothing about errors
judged as (
    select *
    from orders
    where has_our_fault is not null and status <> 'cancelled'
),

final as (
    {{ kpi_ratio('order_error_rate', 'judged', day='placed_on', numerator='cast(has_our_fault as integer)', denominator='1', segments=['warehouse']) }}
)

select * from final
