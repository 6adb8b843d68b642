-- sales_cycle_days, by ranking the leads of a month and taking the middle one or two
with
ended as (
    select
        case when won_at is not null then 'sales_cycle_days' else 'sales_cycle_days_lost' end as kpi,
        date_trunc('month', {{ local_time('coalesce(won_at, lost_at)') }}) as period_start,
        epoch(coalesce(won_at, lost_at)) - epoch(created_at) as seconds
    from {{ ref('fct_leads') }}
    where (won_at is not null or lost_at is not null)
        -- entered after the fact
        and epoch(coalesce(won_at, lost_at)) - epoch(created_at) >= -1
),

ranked as (
    select
        *,
        row_number() over (partition by kpi, period_start order by seconds) as place,
        count(*) over (partition by kpi, period_start) as lead_count
    from ended
),

expected as (
    select
        kpi,
        cast(period_start as date) as period_start,
        avg(seconds) / 86400 as value
    from ranked
    where place in ((lead_count + 1) // 2, lead_count // 2 + 1)
    group by kpi, ranked.period_start
),

measured as (
    select *
    from {{ ref('kpi_sales_cycle_days') }}
    where period_grain = 'month' and segment_type = 'all' and sample_size > 0
)

select *
from measured
full outer join expected using (kpi, period_start)
where coalesce(abs(measured.value - expected.value) > 0.0001, true)
