-- Compliance of orders. The second route: the columns of the orders themselves, step by step as the procedure has them; and every process's cases that ended,
-- counted in the facts that they came from. Rework: of every process's cases that ended, those with more events than activities.
with
orders as (
    select
        order_id,
        delivered_at,
        [placed_at, confirmed_at, picked_at, packed_at, shipped_at, delivered_at] as times
    from {{ ref('fct_orders') }}
    where delivered_at < {{ end_of_as_of() }}
),

steps as (
    select
        step,
        list_position(['placed', 'confirmed', 'picked', 'packed', 'shipped', 'delivered'], activity) as place,
        list_position(['placed', 'confirmed', 'picked', 'packed', 'shipped', 'delivered'], must_follow) as earlier_place,
        within_hours
    from {{ ref('stg_files__procedures') }}
    where process = 'order' and not is_deleted
),

expected as (
    select
        'order' as process,
        count(*) as ended,
        count(*) filter (where (
            select bool_and(coalesce(
                times[place] is not null
                and coalesce(times[place] >= times[earlier_place], true)
                and coalesce(epoch(times[place]) - epoch(times[earlier_place]) <= within_hours * 3600, true), false))
            from steps
        )) as following
    from orders
    union all
    select
        'ticket' as process,
        count(*) as ended,
        null as following
    from {{ ref('fct_tickets') }}
    where first_resolved_at is not null
),

lengths as (
    select
        process,
        case_id,
        count(*) as events,
        count(distinct activity) as activities,
        bool_or((process, activity) in (select (process, activity) from {{ ref('int_process_steps') }} where is_last)) as has_ended
    from {{ ref('int_process_events') }}
    group by process, case_id
),

reworked as (
    select
        process,
        count(*) as ended,
        count(*) filter (where events > activities) as reworked
    from lengths
    where has_ended
    group by process
),

published_rework as (
    select
        segment as process,
        sum(numerator) as reworked,
        sum(denominator) as ended
    from {{ ref('kpis') }}
    where kpi = 'rework_rate'
        and period_grain = 'month'
        and segment_type = 'process'
    group by segment
),

published as (
    select
        segment as process,
        sum(numerator) as following,
        sum(denominator) as ended
    from {{ ref('kpis') }}
    where kpi = 'process_compliance_rate'
        and period_grain = 'month'
        and segment_type = 'process'
    group by segment
)

select
    expected.*,
    published.following as published_following,
    published.ended as published_ended
from expected
left join published using (process)
where process in (select process from {{ ref('int_process_steps') }})
    and expected.ended > 0
    and (
        published.ended is distinct from expected.ended
        or (expected.following is not null and published.following is distinct from expected.following)
    )
union all
select
    'rework of ' || process as process,
    reworked.ended,
    reworked.reworked as following,
    published_rework.reworked as published_following,
    published_rework.ended as published_ended
from reworked
full outer join published_rework using (process)
where reworked.ended is distinct from published_rework.ended or reworked.reworked is distinct from published_rework.reworked
