-- The second route: what came in less what was finished plus what came back, day by day from the events, against the stock on
-- every evening; and the tickets that are open now, counted.
with
tickets as (
    select * from {{ ref('fct_tickets') }}
),

status_events as (
    select
        ticket_id,
        {{ reporting_day('event_at') }} as day,
        {{ is_done('to_value') }} as is_done,
        lag({{ is_done('to_value') }}, 1, coalesce({{ is_done('from_value') }}, false)) over (
            partition by ticket_id
            order by event_at, sequence
        ) as was_done
    from {{ ref('int_ticket_events') }}
    where event_kind = 'status'
),

-- a source that only says that a ticket is done, never when, cannot be followed
followed as (
    select ticket_id, created_on from tickets
    where status not in ('solved', 'closed') or ended_at is not null
),

flows as (
    select created_on as day, 1 as change from followed
    union all
    select
        day,
        case when is_done then -1 else 1 end as change
    from status_events
    where is_done <> was_done
),

expected as (
    select
        day,
        sum(sum(change)) over (order by day) as expected_value
    from flows
    group by day
),

published as (
    select *
    from {{ ref('kpi_ticket_backlog') }}
    where period_grain = 'day' and segment_type = 'all'
)

select
    published.period_start as day,
    expected.expected_value,
    published.value
from published
asof left join expected on published.period_start >= expected.day
where coalesce(expected.expected_value, 0) <> coalesce(published.value, 0)
union all
select
    published.period_start,
    (select count(*) from tickets where status not in ('solved', 'closed')),
    published.value
from published
where published.period_start = {{ as_of() }}
    and (select count(*) from tickets where status not in ('solved', 'closed')) <> published.value
