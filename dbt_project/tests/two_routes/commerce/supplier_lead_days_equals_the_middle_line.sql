-- supplier_lead_days, by ranking the lines of a month and taking the middle one or two
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

expected as (
    select
        period_start,
        avg(days) as value
    from ranked
    where place in ((line_count + 1) // 2, line_count // 2 + 1)
    group by period_start
),

measured as (
    select *
    from {{ ref('kpi_supplier_lead_days') }}
    where kpi = 'supplier_lead_days' and period_grain = 'month' and segment_type = 'all' and sample_size > 0
)

select *
from measured
full outer join expected using (period_start)
where coalesce(abs(measured.value - expected.value) > 0.000001, true)
