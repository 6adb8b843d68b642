{{ config(enabled=has_kind('servicenow')) }}

-- The log holds every state an incident went through, so its state is the last change that was visible at the end of the as_of day.
with
changes as (
    select * from {{ ref('stg_servicenow__incident_changes') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || incident_number", 'ticket_id') }}
),

visible as (
    select
        *,
        row_number() over incident as change_number
    from changes
    where not is_deleted and opened_at < {{ end_of_as_of() }}
    window incident as (partition by source_name, incident_number order by modification_count, batch_id, ordinal)
    -- an incident opened before midnight and first logged after it exists already
    qualify changed_at < {{ end_of_as_of() }} or change_number = 1
),

latest as (
    select *
    from visible
    qualify row_number() over (partition by source_name, incident_number order by change_number desc) = 1
),

history as (
    select
        source_name,
        incident_number,
        min(changed_at) filter (where reopen_count > 0) as first_reopened_at,
        max(change_number) filter (where made_sla) as last_met_change
    from visible
    group by source_name, incident_number
),

missed as (
    select
        visible.source_name,
        visible.incident_number,
        min(visible.changed_at) as missed_at
    from visible
    left join history using (source_name, incident_number)
    where not visible.made_sla and visible.change_number > coalesce(history.last_met_change, 0)
    group by visible.source_name, visible.incident_number
),

final as (
    select
        latest.source_name || ':' || latest.incident_number as ticket_id,
        latest.source_name,
        latest.incident_number as source_ticket_id,
        cast(null as varchar) as subject,
        latest.source_name || ':' || latest.caller as requester_id,
        case
            when latest.contact_type in ('Phone', 'IVR') then 'phone'
            when latest.contact_type = 'Self service' then 'web'
            else lower(latest.contact_type)
        end as channel,
        {{ servicenow_priority('latest.priority') }} as priority,
        latest.assignment_group as team,
        latest.assigned_to as assignee,
        coalesce({{ servicenow_status('latest.incident_state') }}, 'open') as status,
        cast(null as varchar) as sla_policy,
        latest.opened_at as created_at,
        -- the export writes the resolution of the finished incident into all its rows, also into those of the time before
        case when latest.resolved_at < {{ end_of_as_of() }} then latest.resolved_at end as source_resolved_at,
        history.first_reopened_at as source_reopened_at,
        coalesce(latest.reopen_count, 0) as source_reopen_count,
        cast(null as varchar) as rating,
        cast(null as timestamp) as rated_at,
        latest.made_sla as source_sla_met,
        coalesce(
            missed.missed_at,
            case when latest.closed_at < {{ end_of_as_of() }} then latest.closed_at end
        ) as source_sla_decided_at,
        -- the log says when an incident changed and not what was said to the caller
        false as has_replies,
        case when {{ servicenow_status('latest.incident_state') }} is null then latest.incident_state end as unknown_status,
        cast(null as varchar[]) as labels
    from latest
    left join history using (source_name, incident_number)
    left join missed using (source_name, incident_number)
)

select * from final
