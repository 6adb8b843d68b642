{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='ticket_id', meta={'changed': 'int_changed_tickets'}) }}

with
headers as (
    select * from {{ ref('int_ticket_headers') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

events as (
    select * from {{ ref('int_ticket_events') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

states as (
    select * from {{ ref('int_ticket_states') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

first_states as (
    select * from states
    where state_number = 1
),

last_states as (
    select * from states
    where ends_at is null
),

replies as (
    select
        events.ticket_id,
        min(events.event_at) as first_human_reply_at,
        count(*) as human_reply_count
    from events
    inner join headers using (ticket_id)
    where events.event_kind = 'public_reply'
        and events.actor_kind = 'agent'
        and events.event_at >= headers.created_at
    group by events.ticket_id
),

status_changes as (
    select
        ticket_id,
        event_at,
        to_value as status,
        lag(to_value, 1, coalesce(from_value, 'new')) over history as previous_status,
        row_number() over history as change_number
    from events
    where event_kind = 'status'
    window history as (partition by ticket_id order by event_at, sequence)
),

-- The work ends with 'solved'. A ticket that is closed without it (rejected, or the source does not say when) has ended, unresolved.
turns as (
    select
        ticket_id,
        event_at,
        change_number,
        status = 'solved' and not {{ is_done('previous_status') }} as is_resolution,
        {{ is_done('previous_status') }} and not {{ is_done('status') }} as is_return,
        {{ is_done('status') }} and not {{ is_done('previous_status') }} as is_end
    from status_changes
),

first_resolutions as (
    select
        ticket_id,
        min(change_number) as first_resolution
    from turns
    where is_resolution
    group by ticket_id
),

lifecycles as (
    select
        turns.ticket_id,
        min(turns.event_at) filter (where turns.is_resolution) as first_resolved_at,
        max(turns.event_at) filter (where turns.is_resolution) as last_resolved_at,
        max(turns.change_number) filter (where turns.is_resolution) as last_resolution,
        max(turns.change_number) filter (where turns.is_return) as last_return,
        max(turns.event_at) filter (where turns.is_end) as last_ended_at,
        min(turns.event_at) filter (where turns.is_return and turns.change_number > first_resolutions.first_resolution) as reopened_at,
        count(*) filter (where turns.is_return and turns.change_number > first_resolutions.first_resolution) as reopen_count
    from turns
    left join first_resolutions using (ticket_id)
    group by turns.ticket_id
),

ratings as (
    select
        ticket_id,
        to_value as rating,
        event_at as rated_at
    from events
    where event_kind = 'rating'
    qualify row_number() over (partition by ticket_id order by event_at desc, sequence desc) = 1
),

resolved as (
    select
        headers.ticket_id,
        case
            when not {{ is_done('last_states.status') }} then null
            when headers.source_resolved_at is not null then headers.source_resolved_at
            when lifecycles.last_resolution > coalesce(lifecycles.last_return, 0) then lifecycles.last_resolved_at
        end as resolved_at,
        coalesce(lifecycles.first_resolved_at, headers.source_resolved_at) as first_resolved_at
    from headers
    left join last_states using (ticket_id)
    left join lifecycles using (ticket_id)
),

final as (
    select
        headers.ticket_id,
        headers.source_name,
        headers.source_ticket_id,
        headers.subject,
        headers.requester_id,
        lower(headers.channel) as channel,
        last_states.priority,
        last_states.team,
        last_states.assignee,
        last_states.status,
        first_states.priority as created_priority,
        first_states.team as created_team,
        headers.sla_policy,
        headers.created_at,
        replies.first_human_reply_at,
        case when headers.has_replies then coalesce(replies.human_reply_count, 0) end as human_reply_count,
        resolved.first_resolved_at,
        resolved.resolved_at,
        case when {{ is_done('last_states.status') }} then coalesce(resolved.resolved_at, lifecycles.last_ended_at) end as ended_at,
        coalesce(headers.source_reopened_at, lifecycles.reopened_at) as reopened_at,
        coalesce(headers.source_reopen_count, lifecycles.reopen_count, 0) as reopen_count,
        coalesce(ratings.rating, headers.rating) as rating,
        coalesce(ratings.rated_at, headers.rated_at) as rated_at,
        headers.source_sla_met,
        headers.source_sla_decided_at
    from headers
    left join first_states using (ticket_id)
    left join last_states using (ticket_id)
    left join replies using (ticket_id)
    left join lifecycles using (ticket_id)
    left join ratings using (ticket_id)
    left join resolved using (ticket_id)
)

select * from final
