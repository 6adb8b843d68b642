{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='ticket_id', meta={'changed': 'int_changed_tickets'}) }}

-- Status, team, assignee and priority of a ticket over time. Several changes in one instant are one change: the last one counts.
with
headers as (
    select * from {{ ref('int_ticket_headers') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

events as (
    select * from {{ ref('int_ticket_events') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

-- what a field was before its first change; a field that never changed was always what it is
beginnings as (
    select
        ticket_id,
        arg_min_null(from_value, (event_at, sequence)) filter (where event_kind = 'status') as status,
        arg_min_null(from_value, (event_at, sequence)) filter (where event_kind = 'team') as team,
        arg_min_null(from_value, (event_at, sequence)) filter (where event_kind = 'assignee') as assignee,
        arg_min_null(from_value, (event_at, sequence)) filter (where event_kind = 'priority') as priority,
        coalesce(bool_or(event_kind = 'status'), false) as is_status_changed,
        coalesce(bool_or(event_kind = 'team'), false) as is_team_changed,
        coalesce(bool_or(event_kind = 'assignee'), false) as is_assignee_changed,
        coalesce(bool_or(event_kind = 'priority'), false) as is_priority_changed
    from events
    group by ticket_id
),

-- null must win over an earlier value here (unassigned), so a change carries a list of one
changes as (
    select
        headers.ticket_id,
        headers.created_at as changed_at,
        cast(null as bigint) as sequence,
        cast(null as varchar) as event_id,
        [case when beginnings.is_status_changed then coalesce(beginnings.status, 'new') else headers.status end] as status,
        [case when beginnings.is_team_changed then beginnings.team else headers.team end] as team,
        [case when beginnings.is_assignee_changed then beginnings.assignee else headers.assignee end] as assignee,
        [case when beginnings.is_priority_changed then beginnings.priority else headers.priority end] as priority
    from headers
    left join beginnings using (ticket_id)
    union all
    select
        events.ticket_id,
        greatest(events.event_at, headers.created_at) as changed_at,
        events.sequence,
        events.event_id,
        case when events.event_kind = 'status' then [events.to_value] end as status,
        case when events.event_kind = 'team' then [events.to_value] end as team,
        case when events.event_kind = 'assignee' then [events.to_value] end as assignee,
        case when events.event_kind = 'priority' then [events.to_value] end as priority
    from events
    inner join headers using (ticket_id)
    where events.event_kind in ('status', 'team', 'assignee', 'priority')
),

-- one order for everything below: a log may give several changes one number
placed as (
    select
        *,
        row_number() over (partition by ticket_id order by changed_at, sequence nulls first, event_id) as place
    from changes
),

filled as (
    select
        ticket_id,
        changed_at,
        place,
        last_value(status ignore nulls) over history as status,
        last_value(team ignore nulls) over history as team,
        last_value(assignee ignore nulls) over history as assignee,
        last_value(priority ignore nulls) over history as priority
    from placed
    window history as (partition by ticket_id order by place rows unbounded preceding)
),

settled as (
    select *
    from filled
    qualify row_number() over (partition by ticket_id, changed_at order by place desc) = 1
),

final as (
    select
        ticket_id,
        cast(row_number() over (partition by ticket_id order by changed_at) as bigint) as state_number,
        changed_at as starts_at,
        lead(changed_at) over (partition by ticket_id order by changed_at) as ends_at,
        status[1] as status,
        team[1] as team,
        assignee[1] as assignee,
        {{ known_priority('priority[1]') }} as priority
    from settled
)

select * from final
