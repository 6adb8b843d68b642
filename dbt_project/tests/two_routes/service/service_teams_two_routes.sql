-- Reassignment and cross-team tickets of all time. The second route: tickets that a change of team tells of, compared with the team before, instead of
-- counting teams; and the hours of each month, from the instants of those tickets, its middle one or two by rank.
with
moves as (
    select
        events.ticket_id,
        lower(events.to_value) <> lower(coalesce(
            lag(events.to_value) over (partition by events.ticket_id order by events.event_at, events.sequence),
            tickets.created_team
        )) as is_other_team,
        later.department <> earlier.department as is_other_department
    from {{ ref('int_ticket_events') }} as events
    inner join {{ ref('int_tickets') }} as tickets
        on events.ticket_id = tickets.ticket_id
    left join {{ ref('stg_files__teams') }} as later
        on lower(events.to_value) = lower(later.team) and not later.is_deleted
    left join {{ ref('stg_files__teams') }} as earlier
        on lower(tickets.created_team) = lower(earlier.team) and not earlier.is_deleted
    where events.event_kind = 'team' and events.to_value is not null
),

moved as (
    select
        ticket_id,
        bool_or(is_other_team) as changed_team,
        bool_or(is_other_department) as changed_department
    from moves
    group by ticket_id
),

expected as (
    select
        'reassignment_rate' as kpi,
        count(*) filter (where moved.changed_team and tickets.first_resolved_at is not null) as counted
    from {{ ref('fct_tickets') }} as tickets
    left join moved
        on tickets.ticket_id = moved.ticket_id
    union all
    select
        'cross_team_resolution_hours' as kpi,
        count(*) filter (where moved.changed_department and tickets.resolved_on is not null) as counted
    from {{ ref('fct_tickets') }} as tickets
    left join moved
        on tickets.ticket_id = moved.ticket_id
),

ranked as (
    select
        date_trunc('month', tickets.resolved_on) as month,
        epoch(tickets.resolved_at) - epoch(tickets.created_at) as seconds,
        row_number() over (
            partition by date_trunc('month', tickets.resolved_on) order by epoch(tickets.resolved_at) - epoch(tickets.created_at)
        ) as place,
        count(*) over (partition by date_trunc('month', tickets.resolved_on)) as ticket_count
    from {{ ref('fct_tickets') }} as tickets
    inner join moved
        on tickets.ticket_id = moved.ticket_id
    where moved.changed_department and tickets.resolved_on is not null
),

hours as (
    select
        month,
        avg(seconds) / 3600 as value
    from ranked
    where place in ((ticket_count + 1) // 2, ticket_count // 2 + 1)
    group by month
),

published_hours as (
    select
        period_start as month,
        value
    from {{ ref('kpi_cross_team_resolution_hours') }}
    where period_grain = 'month' and segment_type = 'all' and value is not null
),

published as (
    select 'reassignment_rate' as kpi, coalesce(sum(numerator), 0) as counted
    from {{ ref('kpi_reassignment_rate') }}
    where period_grain = 'month' and segment_type = 'all'
    union all
    select 'cross_team_resolution_hours' as kpi, coalesce(sum(sample_size), 0) as counted
    from {{ ref('kpi_cross_team_resolution_hours') }}
    where period_grain = 'month' and segment_type = 'all'
)

select
    expected.kpi,
    expected.counted as expected,
    published.counted as published
from expected
inner join published using (kpi)
where expected.counted <> published.counted
union all
select
    'cross_team_resolution_hours' as kpi,
    hours.value as expected,
    published_hours.value as published
from hours
full join published_hours using (month)
where coalesce(abs(hours.value - published_hours.value) > 0.000001, true)
