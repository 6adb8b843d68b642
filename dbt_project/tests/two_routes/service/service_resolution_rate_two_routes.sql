-- Resolution rate. The second route: the first change to solved in a ticket's history, instead of the ticket's own column. Sources that state a time of
-- resolution are taken at their word on both routes.
with
tickets as (
    select * from {{ ref('fct_tickets') }}
),

headers as (
    select * from {{ ref('int_ticket_headers') }}
),

solved as (
    select
        ticket_id,
        min(event_at) as solved_at
    from {{ ref('int_ticket_events') }}
    where event_kind = 'status' and to_value = 'solved'
    group by ticket_id
),

expected as (
    select
        count(*) filter (where coalesce(solved.solved_at, headers.source_resolved_at) - headers.created_at <= interval 168 hour) as numerator,
        count(*) as denominator
    from tickets
    inner join headers using (ticket_id)
    left join solved using (ticket_id)
    where solved.solved_at is not null or tickets.resolved_at is not null or tickets.ended_at is not null or tickets.status not in ('solved', 'closed')
),

published as (
    select
        period_grain,
        segment_type,
        coalesce(sum(numerator), 0) as numerator,
        coalesce(sum(denominator), 0) as denominator
    from {{ ref('kpi_resolution_rate') }}
    group by period_grain, segment_type
)

select
    published.*,
    expected.numerator as expected_numerator,
    expected.denominator as expected_denominator
from published
cross join expected
where published.numerator <> expected.numerator or published.denominator <> expected.denominator
