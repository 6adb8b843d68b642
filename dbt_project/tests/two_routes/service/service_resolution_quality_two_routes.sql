-- First contact resolution and reopen rate. The second route: the states a ticket went through and its messages in the order in which they
-- came, instead of the columns of the ticket. Sources that state their reopenings are taken at their word on both routes.
with
tickets as (
    select * from {{ ref('fct_tickets') }}
),

stated as (
    select ticket_id from {{ ref('int_ticket_headers') }}
    where source_reopen_count is not null
),

states as (
    select
        *,
        lag(status, 1, 'new') over (partition by ticket_id order by state_number) as previous_status
    from {{ ref('int_ticket_states') }}
),

solved as (
    select
        ticket_id,
        min(starts_at) as solved_at
    from states
    where status = 'solved'
    group by ticket_id
),

returned as (
    select
        states.ticket_id,
        min(states.starts_at) as returned_at
    from states
    inner join solved using (ticket_id)
    where states.previous_status in ('solved', 'closed')
        and states.status not in ('solved', 'closed')
        and states.starts_at > solved.solved_at
    group by states.ticket_id
),

answers as (
    select
        events.ticket_id,
        count(*) as answers
    from {{ ref('int_ticket_events') }} as events
    inner join solved using (ticket_id)
    where events.event_kind = 'public_reply' and events.actor_kind = 'agent' and events.event_at <= solved.solved_at
    group by events.ticket_id
),

judged as (
    select
        tickets.ticket_id,
        case
            when tickets.ticket_id in (select ticket_id from stated) then tickets.is_reopened_within_7_days
            else coalesce(epoch(returned.returned_at) - epoch(solved.solved_at) <= 7 * 86400, false)
        end as is_reopened,
        coalesce(answers.answers, 0) as answers,
        tickets.human_reply_count is not null as is_answer_known
    from tickets
    left join solved using (ticket_id)
    left join returned using (ticket_id)
    left join answers using (ticket_id)
    where solved.solved_at is not null or tickets.first_resolved_at is not null
),

expected as (
    select
        'reopen_rate' as kpi,
        count(*) filter (where is_reopened) as numerator,
        count(*) as denominator
    from judged
    union all
    select
        'first_contact_resolution',
        count(*) filter (where answers = 1 and not is_reopened),
        count(*)
    from judged
    where is_answer_known
),

kpis as (
    select * from {{ ref('kpi_reopen_rate') }}
    union all
    select * from {{ ref('kpi_first_contact_resolution') }}
),

published as (
    select
        kpi,
        period_grain,
        segment_type,
        coalesce(sum(numerator), 0) as numerator,
        coalesce(sum(denominator), 0) as denominator
    from kpis
    group by kpi, period_grain, segment_type
)

select
    published.*,
    expected.numerator as expected_numerator,
    expected.denominator as expected_denominator
from published
inner join expected using (kpi)
where published.numerator <> expected.numerator or published.denominator <> expected.denominator
