{{ config(enabled=has_kind('freshdesk')) }}

with
tickets as (
    select * from {{ ref('stg_freshdesk__tickets') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_number", 'ticket_id') }}
),

conversations as (
    select * from {{ ref('stg_freshdesk__conversations') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_number", 'ticket_id') }}
),

ratings as (
    select * from {{ ref('stg_freshdesk__satisfaction_ratings') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_number", 'ticket_id') }}
),

groups as (
    select * from {{ ref('stg_freshdesk__groups') }}
),

actors as (
    select * from {{ ref('int_actors__freshdesk') }}
),

merged as (
    select distinct source_name, ticket_number
    from conversations
    where not is_deleted and merged_into_number is not null and not is_incoming
),

last_ratings as (
    select
        source_name,
        ticket_number,
        {{ freshdesk_rating('score') }} as rating,
        created_at as rated_at
    from ratings
    where not is_deleted and {{ freshdesk_rating('score') }} is not null and created_at < {{ end_of_as_of() }}
    qualify row_number() over (partition by source_name, ticket_number order by created_at desc, rating_number desc) = 1
),

known as (
    select
        *,
        {{ freshdesk_status('status_number') }} as status,
        case when resolved_at < {{ end_of_as_of() }} then resolved_at end as known_resolved_at,
        case when first_responded_at < {{ end_of_as_of() }} then first_responded_at end as known_responded_at
    from tickets
),

-- When a due date was missed: by what came too late, or by waiting longer than to the end of the day; with the timer off nobody waits. Who never answered a
-- ticket before it ended owes no answer any more.
judged as (
    select
        *,
        case
            when first_response_due_at < least(coalesce(known_responded_at, known_resolved_at, {{ end_of_as_of() }}), {{ end_of_as_of() }})
                and (known_responded_at is not null or known_resolved_at is null)
                then first_response_due_at
        end as response_missed_at,
        case
            when resolution_due_at < coalesce(known_resolved_at, {{ end_of_as_of() }}) and (known_resolved_at is not null or status not in ('pending', 'hold'))
                then resolution_due_at
        end as resolution_missed_at
    from known
),

final as (
    select
        judged.source_name || ':' || judged.ticket_number as ticket_id,
        judged.source_name,
        cast(judged.ticket_number as varchar) as source_ticket_id,
        judged.subject,
        judged.source_name || ':' || judged.requester_number as requester_id,
        {{ freshdesk_channel('judged.channel_number') }} as channel,
        {{ freshdesk_priority('judged.priority_number') }} as priority,
        coalesce(groups.group_name, 'group ' || judged.group_number) as team,
        coalesce(actors.actor, 'user ' || judged.responder_number) as assignee,
        judged.status,
        -- which policy holds is not told; a tag may say it
        list_extract(list_sort(list_filter(judged.tags, lambda tag: starts_with(tag, 'sla_'))), 1)[5:] as sla_policy,
        judged.created_at,
        -- told as events
        cast(null as timestamp) as source_resolved_at,
        cast(null as timestamp) as source_reopened_at,
        cast(null as bigint) as source_reopen_count,
        last_ratings.rating,
        last_ratings.rated_at,
        case when judged.resolution_due_at is not null then judged.response_missed_at is null and judged.resolution_missed_at is null end as source_sla_met,
        case
            when judged.response_missed_at is not null or judged.resolution_missed_at is not null
                then least(judged.response_missed_at, judged.resolution_missed_at)
            when judged.resolution_due_at is not null and judged.known_resolved_at is not null
                then greatest(judged.known_resolved_at, judged.known_responded_at)
        end as source_sla_decided_at,
        true as has_replies,
        cast(null as varchar) as unknown_status,
        judged.tags as labels
    from judged
    left join groups using (source_name, group_number)
    left join actors
        on judged.source_name = actors.source_name
        and judged.responder_number = actors.user_number
    left join last_ratings using (source_name, ticket_number)
    anti join merged
        on judged.source_name = merged.source_name
        and judged.ticket_number = merged.ticket_number
    where not judged.is_deleted and not judged.is_spam
)

select * from final
