-- supplier_lead_days and its ninetieth percentile, by ranking the lines of a month and weighing the one or two that stand where half of them,
-- or nine tenths, are behind
with
ranked as (
    select
        date_trunc('month', received_on) as period_start,
        received_on - ordered_on as days,
        row_number() over (partition by date_trunc('month', received_on) order by received_on - ordered_on) as place,
        count(*) over (partition by date_trunc('month', received_on)) as line_count
    from {{ ref('int_receipts') }}
    where received_on <= {{ as_of() }} and ordered_on is not null and not is_cancelled
),

asked as (
    select * from (values ('supplier_lead_days', cast(0.5 as double)), ('supplier_lead_days_p90', cast(0.9 as double))) as asked (kpi, share)
),

expected as (
    select
        asked.kpi,
        ranked.period_start,
        sum(ranked.days * {{ weight_of_rank('ranked.place - 1', 'asked.share', 'ranked.line_count') }}) as value
    from ranked
    cross join asked
    group by asked.kpi, ranked.period_start
),

measured as (
    select *
    from {{ ref('kpi_supplier_lead_days') }}
    where kpi in (select kpi from asked) and period_grain = 'month' and segment_type = 'all' and sample_size > 0
)

select *
from measured
full outer join expected using (kpi, period_start)
where coalesce(abs(measured.value - expected.value) > 0.000001, true)
