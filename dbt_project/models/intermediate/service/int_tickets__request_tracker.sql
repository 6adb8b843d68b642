{{ config(enabled=has_kind('request_tracker')) }}

with
tickets as (
    select * from {{ ref('stg_request_tracker__tickets') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_number", 'ticket_id') }}
),

users as (
    select * from {{ ref('stg_request_tracker__users') }}
),

final as (
    select
        tickets.source_name || ':' || tickets.ticket_number as ticket_id,
        tickets.source_name,
        cast(tickets.ticket_number as varchar) as source_ticket_id,
        tickets.subject,
        tickets.source_name || ':' || tickets.requestors[1] as requester_id,
        tickets.channel,
        {{ request_tracker_priority('tickets.rt_priority') }} as priority,
        tickets.queue as team,
        case when tickets.owner <> 'Nobody' then coalesce(users.email, tickets.owner) end as assignee,
        coalesce({{ request_tracker_status('tickets.rt_status') }}, 'open') as status,
        tickets.policy as sla_policy,
        tickets.created_at,
        cast(null as timestamp) as source_resolved_at,
        cast(null as timestamp) as source_reopened_at,
        cast(null as bigint) as source_reopen_count,
        -- the transactions say what the answer was and when it came
        cast(null as varchar) as rating,
        cast(null as timestamp) as rated_at,
        cast(null as boolean) as source_sla_met,
        cast(null as timestamp) as source_sla_decided_at,
        true as has_replies,
        case when {{ request_tracker_status('tickets.rt_status') }} is null then tickets.rt_status end as unknown_status,
        cast(null as varchar[]) as labels
    from tickets
    left join users
        on tickets.source_name = users.source_name
        and tickets.owner = users.user_name
    where not tickets.is_deleted
        and tickets.rt_status <> 'deleted'
        -- a merged ticket points at the one that took it in: that one counts
        and coalesce(tickets.effective_ticket_number, tickets.ticket_number) = tickets.ticket_number
        -- what our own automations open for nobody are tasks of the team, nothing that anybody asked us
        and not coalesce(tickets.creator like 'meridian-%' and coalesce(tickets.requestors[1], tickets.creator) = tickets.creator, false)
)

select * from final
