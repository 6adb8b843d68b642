{{ config(enabled=has_kind('erpnext'), materialized='view') }}

with
exchanges as (
    select * from {{ ref('stg_erpnext__currency_exchanges') }}
),

companies as (
    select * from {{ ref('stg_erpnext__companies') }}
),

company as (
    select
        source_name,
        arg_min(default_currency, company) as currency
    from companies
    where not is_deleted
    group by source_name
),

-- a rate may be written either way round; one between two foreign currencies says nothing here
stated as (
    select
        exchanges.source_name,
        exchanges.valid_from_on,
        exchanges.to_currency as currency,
        exchanges.exchange_rate as rate,
        exchanges.exchange_name
    from exchanges
    inner join company
        on exchanges.source_name = company.source_name
        and exchanges.from_currency = company.currency
    where not exchanges.is_deleted and exchanges.exchange_rate > 0
    union all
    select
        exchanges.source_name,
        exchanges.valid_from_on,
        exchanges.from_currency as currency,
        1 / exchanges.exchange_rate as rate,
        exchanges.exchange_name
    from exchanges
    inner join company
        on exchanges.source_name = company.source_name
        and exchanges.to_currency = company.currency
    where not exchanges.is_deleted and exchanges.exchange_rate > 0
),

-- two that state a currency's rate for the same day: the first by name counts
final as (
    select
        currency,
        valid_from_on,
        arg_min(rate, (source_name, exchange_name)) as rate
    from stated
    group by currency, valid_from_on
)

select * from final
