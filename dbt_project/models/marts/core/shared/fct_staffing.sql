with
promised as (
    select * from {{ ref('int_promised_spans') }}
),

staffing as (
    select * from {{ ref('stg_files__staffing') }}
    where not is_deleted
    qualify row_number() over (partition by lower(team) order by batch_id desc, ordinal desc) = 1
),

teams as (
    select * from {{ ref('stg_files__teams') }}
    where not is_deleted
    qualify row_number() over (partition by lower(team) order by batch_id desc, ordinal desc) = 1
),

calendars as (
    select * from {{ ref('int_calendars') }}
),

tickets as (
    select * from {{ ref('fct_tickets') }}
),

shifts as (
    select * from {{ ref('fct_shifts') }}
),

desks as (
    select
        teams.team,
        any_value(calendars.time_zone) as time_zone,
        any_value(staffing.handling_minutes) as handling_minutes,
        any_value(staffing.answer_share) as answer_share,
        any_value(staffing.answer_within_minutes) as answer_within_minutes
    from staffing
    inner join teams
        on lower(staffing.team) = lower(teams.team)
    inner join calendars
        on teams.calendar = calendars.calendar
    group by teams.team
),

-- a promised span in pieces of an hour of the clock; the first and the last may be shorter
hours as (
    select
        desks.*,
        promised.day,
        promised.starts_at as span_starts_at,
        promised.ends_at as span_ends_at,
        unnest(generate_series(date_trunc('hour', promised.starts_at), promised.ends_at - interval 1 second, interval 1 hour)) as clock_hour
    from promised
    inner join desks
        on promised.scope = desks.team
    where promised.scope_type = 'team'
),

slots as (
    select
        *,
        greatest(clock_hour, span_starts_at) as starts_at,
        least(clock_hour + interval 1 hour, span_ends_at) as ends_at,
        {{ local_time('greatest(clock_hour, span_starts_at)', 'time_zone') }} as local_at
    from hours
),

-- contacts come by the clock of those who wait for them: an hour of the week is one of the desk's own
placed as (
    select
        *,
        {{ hour_of_week('local_at') }} as hour_of_week,
        -- what is ahead is expected from what is known now
        least(cast(local_at as date), {{ as_of() }} + 1) as expected_on
    from slots
),

asked as (
    select
        desks.team,
        {{ hour_of_week(local_time('tickets.created_at', 'desks.time_zone')) }} as hour_of_week,
        cast({{ local_time('tickets.created_at', 'desks.time_zone') }} as date) as day,
        count(*) as contacts
    from tickets
    inner join desks
        on lower(tickets.created_team) = lower(desks.team)
    group by all
),

expected as (
    select
        wanted.team,
        wanted.hour_of_week,
        wanted.expected_on,
        coalesce(sum(asked.contacts), 0) / {{ staffing_weeks() }} as contacts
    from (select distinct team, hour_of_week, expected_on from placed) as wanted
    left join asked
        on wanted.team = asked.team
        and wanted.hour_of_week = asked.hour_of_week
        and asked.day >= wanted.expected_on - {{ staffing_weeks() * 7 }}
        and asked.day < wanted.expected_on
    -- with fewer weeks behind it nothing is expected yet
    where wanted.expected_on - {{ staffing_weeks() * 7 }} >= (select min(day) from asked)
    group by wanted.team, wanted.hour_of_week, wanted.expected_on
),

shift_hours as (
    select
        lower(team) as team,
        starts_at,
        ends_at,
        unnest(generate_series(date_trunc('hour', starts_at), ends_at - interval 1 second, interval 1 hour)) as clock_hour
    from shifts
),

on_duty as (
    select
        placed.team,
        placed.starts_at,
        sum(greatest(0, {{ hours_between('greatest(placed.starts_at, shift_hours.starts_at)', 'least(placed.ends_at, shift_hours.ends_at)') }})) as person_hours
    from placed
    inner join shift_hours
        on lower(placed.team) = shift_hours.team
        and placed.clock_hour = shift_hours.clock_hour
    group by placed.team, placed.starts_at
),

needed as (
    select
        placed.team,
        placed.starts_at,
        placed.day,
        placed.hour_of_week,
        placed.time_zone,
        {{ hours_between('placed.starts_at', 'placed.ends_at') }} as hours,
        expected.contacts,
        agents_needed(expected.contacts, placed.handling_minutes, placed.answer_share, placed.answer_within_minutes) as needed
    from placed
    left join expected
        on placed.team = expected.team
        and placed.hour_of_week = expected.hour_of_week
        and placed.expected_on = expected.expected_on
),

final as (
    select
        needed.team,
        needed.starts_at,
        needed.day,
        needed.hour_of_week,
        needed.hours,
        needed.contacts as expected_contacts,
        needed.needed as needed_agents,
        coalesce(on_duty.person_hours, 0) / needed.hours as rostered_agents,
        case when needed.needed is not null then greatest(0, needed.needed * needed.hours - coalesce(on_duty.person_hours, 0)) end as missing_hours,
        needed.day > {{ as_of() }} as is_ahead,
        needed.time_zone
    from needed
    left join on_duty
        on needed.team = on_duty.team
        and needed.starts_at = on_duty.starts_at
)

select * from final
