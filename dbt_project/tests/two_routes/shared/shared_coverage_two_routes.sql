-- Coverage of the company. The second route: how many are on duty, step by step as shifts begin and end; a step with somebody is covered. Months that are over,
-- behind the one in which the first roster begins.
with
steps as (
    select starts_at as moment, 1 as change from {{ ref('stg_files__rosters') }} where not is_deleted and ends_at > starts_at
    union all
    select ends_at as moment, -1 as change from {{ ref('stg_files__rosters') }} where not is_deleted and ends_at > starts_at
    union all
    select
        (cast(cast(unnest(generate_series(date_trunc('month', (select min(starts_at) from {{ ref('stg_files__rosters') }})), {{ as_of() }}, interval 1 month)) as date) as timestamp)
            at time zone {{ time_zone() }}) at time zone 'UTC' as moment,
        0 as change
),

counted as (
    select
        moment,
        sum(sum(change)) over (order by moment) as on_duty,
        lead(moment) over (order by moment) as until
    from steps
    group by moment
),

expected as (
    select
        cast(date_trunc('month', {{ local_time('moment') }}) as date) as month,
        coalesce(sum(epoch(until) - epoch(moment)) filter (where on_duty > 0), 0) / 3600 as covered,
        sum(epoch(until) - epoch(moment)) / 3600 as promised
    from counted
    group by month
),

published as (
    select
        period_start as month,
        numerator,
        denominator
    from {{ ref('kpis') }}
    where kpi = 'coverage_rate'
        and period_grain = 'month'
        and segment_type = 'all'
        and not is_provisional
),

first_full as (
    select cast(date_trunc('month', min(starts_at)) + interval 1 month as date) as month
    from {{ ref('stg_files__rosters') }}
)

select
    expected.*,
    published.numerator,
    published.denominator
from expected
full join published using (month)
where month >= (select month from first_full)
    and month < date_trunc('month', {{ as_of() }})
    -- a company that has told its own hours promises less than round the clock
    and {{ company_calendar() }} not in (select calendar from {{ ref('int_calendar_spans') }})
    and ({{ differs('published.numerator', 'expected.covered') }} or {{ differs('published.denominator', 'expected.promised') }})
