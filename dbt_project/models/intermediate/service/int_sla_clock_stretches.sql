{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='ticket_id', meta={'changed': 'int_changed_tickets'}) }}

-- The stretches in which an SLA clock runs. What still runs at the end of the as_of day runs up to there.
with
tickets as (
    select * from {{ ref('int_tickets') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

terms as (
    select * from {{ ref('int_ticket_terms') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

states as (
    select * from {{ ref('int_ticket_states') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

events as (
    select * from {{ ref('int_ticket_events') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

-- The first answer is owed from the creation on, whatever the status says: setting a ticket to pending must not stop this clock.
-- A ticket that ended before anybody answered needs no answer any more.
first_replies as (
    select
        tickets.ticket_id,
        'first_reply' as clock,
        cast(1 as bigint) as cycle,
        terms.first_reply_minutes as target_minutes,
        tickets.created_at as starts_at,
        coalesce(tickets.first_human_reply_at, tickets.ended_at) as stops_at,
        tickets.first_human_reply_at as stopped_at
    from tickets
    inner join terms using (ticket_id)
    where terms.first_reply_minutes is not null and tickets.human_reply_count is not null
),

-- Each message of the requester that is the first one after an answer opens a cycle; the next answer or resolution closes it.
conversation as (
    select
        events.ticket_id,
        events.event_at,
        events.sequence,
        case
            when events.event_kind = 'public_reply' and events.actor_kind = 'requester' then 'asked'
            when events.event_kind = 'public_reply' and events.actor_kind = 'agent' then 'answered'
            when events.event_kind = 'status' and {{ is_done('events.to_value') }} then 'ended'
        end as turn
    from events
    inner join terms using (ticket_id)
    where terms.next_reply_minutes is not null
),

turns as (
    select
        *,
        lag(turn) over talk as previous_turn,
        min(event_at) filter (where turn <> 'asked') over (
            partition by ticket_id
            order by event_at, sequence
            rows between 1 following and unbounded following
        ) as closed_at
    from conversation
    where turn is not null
    window talk as (partition by ticket_id order by event_at, sequence)
),

next_replies as (
    select
        turns.ticket_id,
        'next_reply' as clock,
        row_number() over (partition by turns.ticket_id order by turns.event_at, turns.sequence) as cycle,
        terms.next_reply_minutes as target_minutes,
        turns.event_at as starts_at,
        turns.closed_at as stops_at,
        turns.closed_at as stopped_at
    from turns
    inner join terms using (ticket_id)
    inner join tickets using (ticket_id)
    -- a question before the first answer belongs to the first-reply clock
    where turns.turn = 'asked'
        and turns.previous_turn in ('answered', 'ended')
        and turns.event_at >= tickets.first_human_reply_at
),

resolutions as (
    select
        states.ticket_id,
        'resolution' as clock,
        cast(1 as bigint) as cycle,
        terms.resolution_minutes as target_minutes,
        states.starts_at,
        states.ends_at as stops_at,
        tickets.resolved_at as stopped_at
    from states
    inner join tickets using (ticket_id)
    inner join terms using (ticket_id)
    where terms.resolution_minutes is not null
        and not {{ is_done('states.status') }}
        and not (terms.pauses_on_pending and states.status = 'pending')
),

stretches as (
    select * from first_replies
    union all
    select * from next_replies
    union all
    select * from resolutions
),

capped as (
    select
        stretches.* replace (coalesce(stretches.stops_at, {{ end_of_as_of() }}) as stops_at),
        stretches.stops_at is null as is_running,
        terms.policy,
        terms.calendar
    from stretches
    inner join terms using (ticket_id)
),

timed as (
    {{ with_business_time('capped', 'calendar', {'starts_at': 'starts', 'stops_at': 'stops'}) }}
),

final as (
    select
        ticket_id,
        clock,
        cycle,
        policy,
        calendar,
        target_minutes,
        starts_at,
        stops_at,
        stopped_at,
        is_running,
        starts as starts_business_microseconds,
        greatest(stops - starts, 0) as business_microseconds,
        cast(sum(greatest(stops - starts, 0)) over (
            partition by ticket_id, clock, cycle
            order by starts_at
            rows unbounded preceding
        ) as bigint) as business_microseconds_so_far
    from timed
)

select * from final
