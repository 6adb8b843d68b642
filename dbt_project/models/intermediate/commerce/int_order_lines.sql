with
lines as (
    select * from {{ ref('int_order_lines__tryton') }}
    union all by name
    select * from {{ ref('int_order_lines__online_retail') }}
),

exchange_rates as (
    select * from {{ ref('int_exchange_rates') }}
),

-- the rate of a day without one is the last one before it
final as (
    select
        lines.order_line_id,
        lines.order_id,
        lines.source_name,
        lines.product,
        lines.product_name,
        lines.quantity,
        lines.unit_price,
        lines.currency,
        price_rates.rate as exchange_rate,
        cast(lines.amount / price_rates.rate as decimal(18, 4)) as net_amount,
        cast(lines.cost_amount_stated / cost_rates.rate as decimal(18, 4)) as cost_amount,
        lines.is_cancelled
    from lines
    asof left join exchange_rates as price_rates
        on lines.currency = price_rates.currency
        and lines.priced_on >= price_rates.valid_from_on
    asof left join exchange_rates as cost_rates
        on lines.cost_currency = cost_rates.currency
        and lines.priced_on >= cost_rates.valid_from_on
)

select * from final
