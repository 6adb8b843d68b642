{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='ticket_id', meta={'changed': 'int_changed_tickets'}) }}

-- The promise that holds for a ticket is the one made when it was created: a later change of priority or team does not move a limit.
with
tickets as (
    select * from {{ ref('int_tickets') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

policies as (
    select * from {{ ref('stg_files__sla_policies') }}
    where not is_deleted
    qualify row_number() over (partition by lower(policy), priority order by batch_id desc, ordinal desc) = 1
),

teams as (
    select * from {{ ref('stg_files__teams') }}
    where not is_deleted
    qualify row_number() over (partition by lower(team) order by batch_id desc, ordinal desc) = 1
),

calendars as (
    select distinct calendar from {{ ref('int_calendar_spans') }}
),

matched as (
    select
        tickets.ticket_id,
        tickets.created_at,
        policies.policy,
        policies.first_reply_minutes,
        policies.next_reply_minutes,
        policies.resolution_minutes,
        coalesce(policies.pauses_on_pending, false) as pauses_on_pending,
        created_teams.time_zone as created_team_time_zone,
        policies.calendar as policy_calendar,
        created_teams.calendar as team_calendar
    from tickets
    left join policies
        on lower(tickets.sla_policy) = lower(policies.policy)
        and tickets.created_priority = policies.priority
    left join teams as created_teams
        on lower(tickets.created_team) = lower(created_teams.team)
),

final as (
    select
        matched.* exclude (policy_calendar, team_calendar),
        -- the hours that the requester was promised; without a promise, those of the team
        coalesce(policy_calendars.calendar, team_calendars.calendar, {{ round_the_clock() }}) as calendar
    from matched
    left join calendars as policy_calendars
        on matched.policy_calendar = policy_calendars.calendar
    left join calendars as team_calendars
        on matched.team_calendar = team_calendars.calendar
)

select * from final
