-- The wall clock of every zone that a calendar uses, as stretches of one offset. The change is found in three steps (day, hour,
-- minute): asking the zone rules for every minute of twenty years would cost minutes, this costs a tenth of a second a zone.
with
calendars as (
    select * from {{ ref('int_calendars') }}
),

time_zones as (
    select distinct time_zone from calendars
),

days as (
    select
        time_zone,
        unnest(generate_series(
            cast({{ business_time_starts_on() }} as timestamp),
            cast({{ as_of() }} + {{ business_time_days_ahead() }} + 2 as timestamp),
            interval 1 day
        )) as instant_at
    from time_zones
),

day_offsets as (
    select
        time_zone,
        instant_at,
        {{ utc_offset_seconds('instant_at', 'time_zone') }} as offset_seconds
    from days
),

changing_days as (
    select *
    from day_offsets
    qualify offset_seconds <> lag(offset_seconds) over (partition by time_zone order by instant_at)
),

hours as (
    select
        time_zone,
        unnest(generate_series(instant_at - interval 1 day, instant_at, interval 1 hour)) as instant_at
    from changing_days
),

hour_offsets as (
    select
        time_zone,
        instant_at,
        {{ utc_offset_seconds('instant_at', 'time_zone') }} as offset_seconds
    from hours
),

changing_hours as (
    select *
    from hour_offsets
    qualify offset_seconds <> lag(offset_seconds) over (partition by time_zone order by instant_at)
),

minutes as (
    select
        time_zone,
        unnest(generate_series(instant_at - interval 1 hour, instant_at, interval 1 minute)) as instant_at
    from changing_hours
),

minute_offsets as (
    select
        time_zone,
        instant_at,
        {{ utc_offset_seconds('instant_at', 'time_zone') }} as offset_seconds
    from minutes
),

changes as (
    select *
    from minute_offsets
    qualify offset_seconds <> lag(offset_seconds) over (partition by time_zone order by instant_at)
),

beginnings as (
    select *
    from day_offsets
    qualify row_number() over (partition by time_zone order by instant_at) = 1
),

stretches as (
    select * from beginnings
    union all
    select * from changes
),

final as (
    select
        time_zone,
        instant_at as starts_at,
        lead(instant_at) over (partition by time_zone order by instant_at) as ends_at,
        offset_seconds,
        -- the wall time at which this offset stops being in force; the last one never does
        coalesce(
            lead(instant_at) over (partition by time_zone order by instant_at) + to_seconds(offset_seconds),
            timestamp '9999-12-31'
        ) as wall_ends_at
    from stretches
)

select * from final
