{{ config(enabled=has_kind('servicenow')) }}

with
changes as (
    select * from {{ ref('stg_servicenow__incident_changes') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || incident_number", 'ticket_id') }}
),

known as (
    select
        *,
        source_name || ':' || incident_number as ticket_id,
        {{ servicenow_status('incident_state') }} as status,
        row_number() over (partition by source_name, incident_number order by modification_count, batch_id, ordinal) as change_number
    from changes
    where not is_deleted
),

created as (
    select
        ticket_id || ':created' as event_id,
        ticket_id,
        source_name,
        opened_at as event_at,
        cast(0 as bigint) as sequence,
        'created' as event_kind,
        'requester' as actor_kind,
        caller as actor,
        cast(null as varchar) as from_value,
        cast(null as varchar) as to_value
    from known
    where change_number = 1
),

-- a state that the log does not explain (it says -100) leaves the status as it was
status_changes as (
    select
        *,
        lag(status, 1, 'new') over (partition by ticket_id order by change_number) as previous_status
    from known
    where status is not null
    qualify status <> previous_status
),

-- The last resolution happened when the log says so, which may be after the state changed. Where it does not say when, the
-- incident has ended but its resolution is unknown: 'closed', not 'solved'.
resolutions as (
    select
        *,
        status = 'solved' and row_number() over (partition by ticket_id, status order by change_number desc) = 1 as is_last_resolution,
        lead(changed_at) over (partition by ticket_id order by change_number) as next_changed_at
    from status_changes
),

statuses as (
    select
        ticket_id || ':status:' || change_number as event_id,
        ticket_id,
        source_name,
        -- greatest() and least() skip what is missing; the order of the log is kept
        case when is_last_resolution then least(greatest(resolved_at, changed_at), next_changed_at) else changed_at end as event_at,
        change_number as sequence,
        'status' as event_kind,
        'agent' as actor_kind,
        changed_by as actor,
        previous_status as from_value,
        case when is_last_resolution and resolved_at is null then 'closed' else status end as to_value
    from resolutions
),

moves as (
    select
        *,
        lag(assignment_group) over incident as previous_group,
        lag(assigned_to) over incident as previous_assignee,
        lag(priority) over incident as previous_priority
    from known
    window incident as (partition by ticket_id order by change_number)
    qualify change_number > 1
),

final as (
    select * from created
    union all
    select * from statuses
    union all
    select
        ticket_id || ':team:' || change_number,
        ticket_id,
        source_name,
        changed_at,
        change_number,
        'team',
        'agent',
        changed_by,
        previous_group,
        assignment_group
    from moves
    where assignment_group is distinct from previous_group
    union all
    select
        ticket_id || ':assignee:' || change_number,
        ticket_id,
        source_name,
        changed_at,
        change_number,
        'assignee',
        'agent',
        changed_by,
        previous_assignee,
        assigned_to
    from moves
    where assigned_to is distinct from previous_assignee
    union all
    select
        ticket_id || ':priority:' || change_number,
        ticket_id,
        source_name,
        changed_at,
        change_number,
        'priority',
        'agent',
        changed_by,
        {{ servicenow_priority('previous_priority') }},
        {{ servicenow_priority('priority') }}
    from moves
    where priority is distinct from previous_priority
)

select * from final
