{{ config(enabled=has_kind('odoo'), materialized='view') }}

with
currency_rates as (
    select * from {{ ref('stg_odoo__currency_rates') }}
),

currencies as (
    select * from {{ ref('stg_odoo__currencies') }}
),

-- two companies that state a currency's rate for the same day: the first one counts
final as (
    select
        currencies.code as currency,
        currency_rates.valid_from_on,
        arg_min(currency_rates.rate, (currency_rates.source_name, coalesce(currency_rates.company_id, 0), currency_rates.rate_id)) as rate
    from currency_rates
    inner join currencies
        on currency_rates.source_name = currencies.source_name
        and currency_rates.currency_id = currencies.currency_id
    where not currency_rates.is_deleted and currency_rates.rate > 0
    group by currencies.code, currency_rates.valid_from_on
)

select * from final
