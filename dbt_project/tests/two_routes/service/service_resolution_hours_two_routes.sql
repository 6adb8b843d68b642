-- Resolution time, added up again from the opening hours.
-- The second route: overlaps of the ticket's time with every open span, added up, instead of a difference of running totals. The last
-- two months are enough to see a difference, and joining every ticket with every span is what the first route is there to avoid.
with
tickets as (
    select
        ticket_id,
        calendar,
        created_at,
        resolved_at as until_at,
        {{ reporting_day('resolved_at') }} as day
    from {{ ref('fct_tickets') }}
    where {{ reporting_day('resolved_at') }} > {{ as_of() }} - 60
),

spans as (
    select * from {{ ref('int_calendar_spans') }}
),

measured as (
    select
        tickets.ticket_id,
        tickets.day,
        -- a ticket of closed hours meets no span, and least() would skip that null
        coalesce(sum(
            epoch(least(tickets.until_at, spans.ends_at)) - epoch(greatest(tickets.created_at, spans.starts_at))
        ) filter (where spans.starts_at is not null), 0) / 3600.0 as measured
    from tickets
    left join spans
        on tickets.calendar = spans.calendar
        and spans.starts_at < tickets.until_at
        and spans.ends_at > tickets.created_at
    group by tickets.ticket_id, tickets.day
),

expected as (
    select
        day,
        median(measured) as expected_value,
        count(*) as expected_sample
    from measured
    group by day
),

published as (
    select *
    from {{ ref('kpi_resolution_hours') }}
    where kpi = 'resolution_hours' and period_grain = 'day' and segment_type = 'all' and period_start > {{ as_of() }} - 60
)

select
    coalesce(expected.day, published.period_start) as day,
    expected.expected_value,
    published.value,
    expected.expected_sample,
    published.sample_size
from expected
full join published on expected.day = published.period_start
where coalesce(expected.expected_sample, 0) <> coalesce(published.sample_size, 0)
    or abs(coalesce(expected.expected_value, -1) - coalesce(published.value, -1)) > 0.001
