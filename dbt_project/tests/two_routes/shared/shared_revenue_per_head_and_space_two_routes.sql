-- Revenue per head and per square metre of the month of the last day. The second route: places and metres of every day of it, counted day by day, over the days.
with
days as (
    select cast(unnest(generate_series(date_trunc('month', {{ as_of() }}), {{ as_of() }}, interval 1 day)) as date) as day
),

expected as (
    select
        'revenue_per_head' as kpi,
        sum(staff.fte) / (select count(*) from days) as denominator
    from days
    inner join {{ ref('stg_files__staff') }} as staff
        on days.day between staff.starts_on and coalesce(staff.ends_on, days.day)
    where not staff.is_deleted and staff.fte > 0
    union all
    select
        'revenue_per_sqm' as kpi,
        sum(sites.square_metres) / (select count(*) from days) as denominator
    from days
    inner join {{ ref('stg_files__sites') }} as sites
        on days.day between sites.starts_on and coalesce(sites.ends_on, days.day)
    where not sites.is_deleted and sites.square_metres > 0
),

earned as (
    select coalesce(sum(net_amount), 0) as numerator
    from {{ ref('fct_revenue_daily') }}
    where day between date_trunc('month', {{ as_of() }}) and {{ as_of() }}
),

published as (
    select
        kpi,
        segment_type,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('kpis') }}
    where kpi in ('revenue_per_head', 'revenue_per_sqm')
        and period_start = cast(date_trunc('month', {{ as_of() }}) as date)
    group by kpi, segment_type
)

select
    published.*,
    expected.denominator as expected_denominator,
    earned.numerator as expected_numerator
from published
left join expected using (kpi)
cross join earned
where {{ differs('coalesce(published.denominator, 0)', 'coalesce(expected.denominator, 0)') }}
    or {{ differs('published.numerator', 'earned.numerator') }}
