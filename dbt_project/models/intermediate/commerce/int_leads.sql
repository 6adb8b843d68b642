with
leads as (
    select * from {{ ref('int_leads__tryton') }}
),

exchange_rates as (
    select * from {{ ref('int_exchange_rates') }}
),

dated as (
    select
        *,
        {{ reporting_day('created_at') }} as created_on
    from leads
),

final as (
    select
        dated.* exclude (created_on, amount_stated, currency),
        cast(dated.amount_stated / exchange_rates.rate as decimal(18, 4)) as amount
    from dated
    asof left join exchange_rates
        on dated.currency = exchange_rates.currency
        and dated.created_on >= exchange_rates.valid_from_on
)

select * from final
