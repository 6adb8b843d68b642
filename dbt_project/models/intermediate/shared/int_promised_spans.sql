with
roster_spans as (
    select * from {{ ref('int_roster_spans') }}
),

teams as (
    select * from {{ ref('stg_files__teams') }}
),

calendar_spans as (
    select * from {{ ref('int_calendar_spans') }}
),

scopes as (
    select
        scope_type,
        scope,
        {{ reporting_day('min(starts_at)') }} as first_on
    from roster_spans
    group by scope_type, scope
),

-- a day has 23, 24 or 25 hours
days as (
    select
        day,
        {{ end_of_day('day - 1') }} as starts_at,
        {{ end_of_day('day') }} as ends_at
    from (
        select cast(unnest(generate_series((select min(first_on) from scopes), {{ as_of() }} + {{ roster_days_ahead() }}, interval 1 day)) as date) as day
    )
),

calendars as (
    select
        scopes.*,
        case
            when scopes.scope_type = 'team' then teams.calendar
            when {{ company_calendar() }} in (select calendar from calendar_spans) then {{ company_calendar() }}
            else {{ round_the_clock() }}
        end as calendar
    from scopes
    left join teams
        on scopes.scope_type = 'team'
        and scopes.scope = teams.team
        and not teams.is_deleted
),

final as (
    select
        calendars.scope_type,
        calendars.scope,
        days.day,
        greatest(days.starts_at, calendar_spans.starts_at) as starts_at,
        least(days.ends_at, calendar_spans.ends_at) as ends_at
    from calendars
    inner join calendar_spans
        on calendars.calendar = calendar_spans.calendar
    inner join days
        on calendars.first_on <= days.day
        and calendar_spans.starts_at < days.ends_at
        and calendar_spans.ends_at > days.starts_at
)

select * from final
