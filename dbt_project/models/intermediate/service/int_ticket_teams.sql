{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='ticket_id', meta={'changed': 'int_changed_tickets'}) }}

with
tickets as (
    select * from {{ ref('int_tickets') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

events as (
    select * from {{ ref('int_ticket_events') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

teams as (
    select * from {{ ref('stg_files__teams') }}
),

stays as (
    select
        ticket_id,
        created_team as team,
        created_at as since,
        cast(-1 as bigint) as sequence
    from tickets
    where created_team is not null
    union all
    select
        ticket_id,
        to_value as team,
        event_at as since,
        sequence
    from events
    where event_kind = 'team' and to_value is not null
),

placed as (
    select
        stays.*,
        teams.department
    from stays
    left join teams
        on lower(stays.team) = lower(teams.team)
        and not teams.is_deleted
),

final as (
    select
        ticket_id,
        count(distinct lower(team)) as team_count,
        count(distinct department) as department_count,
        first(department order by since, sequence) as first_department,
        last(department order by since, sequence) as last_department
    from placed
    group by ticket_id
)

select * from final
