{{ config(enabled=has_kind('freshdesk')) }}

-- Freshdesk keeps no log that its API shows. What was said is told exactly. A change of status is told by the instants in a ticket's stats and by what
-- each night's reading saw: exactly when, but what changed twice between two readings may be missing, and so may all that lies before the first one. A
-- change of team, assignee or priority is told by two readings that differ, at the instant of the later one's last change, which may be hours late.
with
tickets as (
    select * from {{ ref('stg_freshdesk__tickets') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_number", 'ticket_id') }} and not is_deleted
),

snapshots as (
    select * from {{ ref('stg_freshdesk__ticket_snapshots') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_number", 'ticket_id') }}
),

conversations as (
    select * from {{ ref('stg_freshdesk__conversations') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_number", 'ticket_id') }}
        and not is_deleted and conversation_number is not null
),

ratings as (
    select * from {{ ref('stg_freshdesk__satisfaction_ratings') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_number", 'ticket_id') }} and not is_deleted
),

groups as (
    select * from {{ ref('stg_freshdesk__groups') }}
),

actors as (
    select * from {{ ref('int_actors__freshdesk') }}
),

stated as (
    select source_name, ticket_number, status_changed_at as event_at, {{ freshdesk_status('status_number') }} as status from snapshots
    union
    select source_name, ticket_number, pending_since_at, 'pending' from snapshots
    union
    select source_name, ticket_number, resolved_at, 'solved' from snapshots
    union
    select source_name, ticket_number, closed_at, 'closed' from snapshots
    union
    select source_name, ticket_number, reopened_at, 'open' from snapshots
),

-- in one instant a ticket is resolved before it is closed, and open again before it waits
ranked as (
    select
        *,
        list_position(['open', 'pending', 'hold', 'solved', 'closed'], status) as rank
    from stated
    where event_at is not null and status is not null
),

followed as (
    select
        *,
        lag(status, 1, 'open') over history as status_before,
        lag(event_at) over history as event_before_at
    from ranked
    window history as (partition by source_name, ticket_number order by event_at, rank)
),

reopenings as (
    select
        followed.source_name,
        followed.ticket_number,
        followed.event_at,
        followed.event_before_at
    from followed
    semi join snapshots
        on followed.source_name = snapshots.source_name
        and followed.ticket_number = snapshots.ticket_number
        and followed.event_at = snapshots.reopened_at
    where followed.status = 'open' and not {{ is_done('followed.status_before') }}
),

-- What was reopened had been resolved, and the stats forget when. The last answer before it is the nearest thing that is known.
inferred as (
    select
        reopenings.source_name,
        reopenings.ticket_number,
        greatest(
            coalesce(max(conversations.said_at), any_value(reopenings.event_before_at), any_value(tickets.created_at)),
            any_value(reopenings.event_before_at)
        ) as event_at,
        'solved' as status,
        4 as rank
    from reopenings
    inner join tickets using (source_name, ticket_number)
    left join conversations
        on reopenings.source_name = conversations.source_name
        and reopenings.ticket_number = conversations.ticket_number
        and conversations.said_at < reopenings.event_at
        and not (conversations.is_private or conversations.is_incoming or conversations.is_automatic)
    group by reopenings.source_name, reopenings.ticket_number, reopenings.event_at
),

statuses as (
    select
        *,
        -- nothing is new here: a ticket begins open
        lag(status, 1, 'open') over (partition by source_name, ticket_number order by event_at, rank) as status_before
    from (select source_name, ticket_number, event_at, status, rank from ranked union all select * from inferred)
),

readings as (
    select
        *,
        row_number() over readings as reading_number,
        lag(group_number) over readings as group_before,
        lag(responder_number) over readings as responder_before,
        lag(priority_number) over readings as priority_before
    from snapshots
    window readings as (partition by source_name, ticket_number order by updated_at)
),

changes as (
    select source_name, ticket_number, updated_at, 'team' as event_kind, group_before as number_before, group_number as number_after
    from readings
    where reading_number > 1 and group_before is distinct from group_number
    union all
    select source_name, ticket_number, updated_at, 'assignee', responder_before, responder_number
    from readings
    where reading_number > 1 and responder_before is distinct from responder_number
    union all
    select source_name, ticket_number, updated_at, 'priority', priority_before, priority_number
    from readings
    where reading_number > 1 and priority_before is distinct from priority_number
),

-- names are looked up by plain equality: with the kind in the join's condition every row is compared with every account
keyed as (
    select
        *,
        case when event_kind = 'team' then number_before end as group_before,
        case when event_kind = 'team' then number_after end as group_after,
        case when event_kind = 'assignee' then number_before end as assignee_before,
        case when event_kind = 'assignee' then number_after end as assignee_after
    from changes
),

from_creations as (
    select
        tickets.source_name || ':' || tickets.ticket_number || ':created' as event_id,
        tickets.source_name || ':' || tickets.ticket_number as ticket_id,
        tickets.source_name,
        tickets.created_at as event_at,
        cast(0 as bigint) as sequence,
        'created' as event_kind,
        coalesce(actors.actor_kind, 'requester') as actor_kind,
        actors.actor,
        cast(null as varchar) as from_value,
        cast(null as varchar) as to_value
    from tickets
    left join actors
        on tickets.source_name = actors.source_name
        and tickets.requester_number = actors.user_number
),

from_conversations as (
    select
        conversations.source_name || ':conversation:' || conversations.conversation_number as event_id,
        conversations.source_name || ':' || conversations.ticket_number as ticket_id,
        conversations.source_name,
        conversations.said_at as event_at,
        conversations.conversation_number as sequence,
        -- what is forwarded goes to somebody else than the requester
        if(conversations.is_private or conversations.origin_number = 8, 'private_note', 'public_reply') as event_kind,
        case
            when conversations.is_automatic then 'bot'
            when conversations.is_incoming then 'requester'
            else 'agent'
        end as actor_kind,
        actors.actor,
        cast(null as varchar) as from_value,
        cast(null as varchar) as to_value
    from conversations
    left join actors
        on conversations.source_name = actors.source_name
        and conversations.user_number = actors.user_number
),

from_ratings as (
    select
        source_name || ':rating:' || rating_number as event_id,
        source_name || ':' || ticket_number as ticket_id,
        source_name,
        created_at as event_at,
        rating_number as sequence,
        'rating' as event_kind,
        'requester' as actor_kind,
        cast(requester_number as varchar) as actor,
        cast(null as varchar) as from_value,
        {{ freshdesk_rating('score') }} as to_value
    from ratings
    where {{ freshdesk_rating('score') }} is not null
),

-- behind what was said in the same second: numbers of conversations have twelve digits
from_statuses as (
    select
        source_name || ':' || ticket_number || ':' || status || ':' || epoch_us(event_at) as event_id,
        source_name || ':' || ticket_number as ticket_id,
        source_name,
        event_at,
        cast(9000000000000000 + rank as bigint) as sequence,
        'status' as event_kind,
        'system' as actor_kind,
        cast(null as varchar) as actor,
        status_before as from_value,
        status as to_value
    from statuses
    where status <> status_before
),

from_changes as (
    select
        keyed.source_name || ':' || keyed.ticket_number || ':' || keyed.event_kind || ':' || epoch_us(keyed.updated_at) as event_id,
        keyed.source_name || ':' || keyed.ticket_number as ticket_id,
        keyed.source_name,
        keyed.updated_at as event_at,
        cast(9000000000000000 as bigint) as sequence,
        keyed.event_kind,
        'system' as actor_kind,
        cast(null as varchar) as actor,
        case keyed.event_kind
            when 'team' then coalesce(groups_before.group_name, 'group ' || keyed.number_before)
            when 'assignee' then coalesce(assignees_before.actor, 'user ' || keyed.number_before)
            when 'priority' then {{ freshdesk_priority('keyed.number_before') }}
        end as from_value,
        case keyed.event_kind
            when 'team' then coalesce(groups_after.group_name, 'group ' || keyed.number_after)
            when 'assignee' then coalesce(assignees_after.actor, 'user ' || keyed.number_after)
            when 'priority' then {{ freshdesk_priority('keyed.number_after') }}
        end as to_value
    from keyed
    left join groups as groups_before
        on keyed.source_name = groups_before.source_name
        and keyed.group_before = groups_before.group_number
    left join groups as groups_after
        on keyed.source_name = groups_after.source_name
        and keyed.group_after = groups_after.group_number
    left join actors as assignees_before
        on keyed.source_name = assignees_before.source_name
        and keyed.assignee_before = assignees_before.user_number
    left join actors as assignees_after
        on keyed.source_name = assignees_after.source_name
        and keyed.assignee_after = assignees_after.user_number
),

final as (
    select * from from_creations
    union all
    select * from from_conversations
    union all
    select * from from_ratings
    union all
    select * from from_statuses
    union all
    select * from from_changes
)

select * from final
