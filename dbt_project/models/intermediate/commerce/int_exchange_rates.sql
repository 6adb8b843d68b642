{%- set columns = {
    'currency': 'varchar',
    'valid_from_on': 'date',
    'rate': 'double',
} %}

with
told as (
    {{ from_all_kinds('int_exchange_rates', ['erpnext', 'odoo', 'tryton'], columns) }}
),

-- two kinds of sources that say different rates of a day: the lower one counts, so that every night says the same
stated as (
    select
        currency,
        valid_from_on,
        min(rate) as rate
    from told
    group by currency, valid_from_on
),

-- units of the reporting currency for one unit of what the source counts in; a source that never states it counts in that currency
reporting as (
    select
        valid_from_on,
        rate
    from stated
    where currency = {{ reporting_currency() }}
),

change_days as (
    select
        currency,
        valid_from_on
    from stated
    where currency <> {{ reporting_currency() }}
    union
    select
        stated.currency,
        reporting.valid_from_on
    from (select distinct currency from stated where currency <> {{ reporting_currency() }}) as stated
    cross join reporting
),

rebased as (
    select
        change_days.currency,
        change_days.valid_from_on,
        stated.rate / case when (select count(*) from reporting) = 0 then 1 else reporting.rate end as rate
    from change_days
    asof join stated
        on change_days.currency = stated.currency
        and change_days.valid_from_on >= stated.valid_from_on
    asof left join reporting
        on change_days.valid_from_on >= reporting.valid_from_on
    union all
    -- the reporting currency itself, always
    select
        {{ reporting_currency() }} as currency,
        date '0001-01-01' as valid_from_on,
        1 as rate
),

final as (
    select
        currency,
        valid_from_on,
        lead(valid_from_on) over (partition by currency order by valid_from_on) as valid_until_on,
        cast(rate as double) as rate
    from rebased
    where rate is not null
)

select * from final
