{{ config(enabled=has_kind('zendesk')) }}

with
tickets as (
    select * from {{ ref('stg_zendesk__tickets') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_number", 'ticket_id') }}
),

deletions as (
    select * from {{ ref('stg_zendesk__deleted_tickets') }}
),

groups as (
    select * from {{ ref('stg_zendesk__groups') }}
),

users as (
    select * from {{ ref('stg_zendesk__users') }}
),

ratings as (
    select * from {{ ref('stg_zendesk__satisfaction_ratings') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_number", 'ticket_id') }}
),

metric_events as (
    select * from {{ ref('stg_zendesk__ticket_metric_events') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_number", 'ticket_id') }}
),

applied_policies as (
    select
        source_name,
        ticket_number,
        arg_max(policy, (happened_at, metric_event_number)) as policy
    from metric_events
    where not is_deleted and metric_event_type = 'apply_sla' and policy is not null and happened_at < {{ end_of_as_of() }}
    group by source_name, ticket_number
),

last_ratings as (
    select
        source_name,
        ticket_number,
        score as rating,
        created_at as rated_at
    from ratings
    where not is_deleted and score in ('good', 'bad') and created_at < {{ end_of_as_of() }}
    qualify row_number() over (partition by source_name, ticket_number order by created_at desc, rating_number desc) = 1
),

final as (
    select
        tickets.source_name || ':' || tickets.ticket_number as ticket_id,
        tickets.source_name,
        cast(tickets.ticket_number as varchar) as source_ticket_id,
        tickets.subject,
        tickets.source_name || ':' || tickets.requester_number as requester_id,
        case tickets.via_channel when 'voice' then 'phone' else tickets.via_channel end as channel,
        tickets.priority,
        coalesce(groups.group_name, 'group ' || tickets.group_number) as team,
        coalesce(users.email, 'user ' || tickets.assignee_number) as assignee,
        case when tickets.status in ('new', 'open', 'pending', 'hold', 'solved', 'closed') then tickets.status else 'open' end as status,
        coalesce(
            applied_policies.policy,
            list_extract(list_sort(list_filter(tickets.tags, lambda tag: starts_with(tag, 'sla_'))), 1)[5:]
        ) as sla_policy,
        tickets.created_at,
        cast(null as timestamp) as source_resolved_at,
        cast(null as timestamp) as source_reopened_at,
        cast(null as bigint) as source_reopen_count,
        last_ratings.rating,
        last_ratings.rated_at,
        cast(null as boolean) as source_sla_met,
        cast(null as timestamp) as source_sla_decided_at,
        true as has_replies,
        case when tickets.status not in ('new', 'open', 'pending', 'hold', 'solved', 'closed') then tickets.status end as unknown_status,
        tickets.tags as labels
    from tickets
    left join groups using (source_name, group_number)
    left join users
        on tickets.source_name = users.source_name
        and tickets.assignee_number = users.user_number
    left join applied_policies using (source_name, ticket_number)
    left join last_ratings using (source_name, ticket_number)
    -- deleted by the list of deletions, and nothing that the export told since (a restored ticket was updated)
    anti join deletions
        on tickets.source_name = deletions.source_name
        and tickets.ticket_number = deletions.ticket_number
        and tickets.generated_at <= deletions.deleted_at
    where not tickets.is_deleted
        and tickets.status <> 'deleted'
        -- the vendor's own mark of a ticket that was merged into another one: the other one counts
        and not list_contains(tickets.tags, 'closed_by_merge')
        -- what our own automations open are tasks of the team, nothing that anybody asked us
        and not coalesce(tickets.external_id like 'meridian-%', false)
)

select * from final
