{{ config(enabled=has_kind('hubspot'), materialized='view') }}

with
changes as (
    select * from {{ ref('stg_hubspot__ticket_changes') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_number", 'ticket_id') }} and not is_deleted
),

owners as (
    select * from {{ ref('stg_hubspot__owners') }}
),

named as (
    select
        changes.source_name,
        changes.ticket_number,
        changes.entered_at,
        changes.value,
        owners.team as owner_team,
        case when changes.value is not null then coalesce(owners.email, 'owner ' || changes.value) end as assignee
    from changes
    left join owners
        on changes.source_name = owners.source_name
        and changes.value = cast(owners.owner_number as varchar)
        and not owners.is_deleted
    where changes.field = 'owner'
),

-- a ticket is with the primary team of whoever owned it last ("HubSpot's default ticket properties", Assigned teams)
teamed as (
    select
        *,
        last_value(owner_team ignore nulls) over (
            partition by source_name, ticket_number
            order by entered_at, value
            rows between unbounded preceding and current row
        ) as team
    from named
),

final as (
    select
        source_name,
        ticket_number,
        entered_at,
        team,
        assignee,
        lag(team) over owned as previous_team,
        lag(assignee) over owned as previous_assignee,
        lead(entered_at) over owned is null as is_last
    from teamed
    window owned as (partition by source_name, ticket_number order by entered_at, value)
)

select * from final
