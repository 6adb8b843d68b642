with
calendars as (
    select * from {{ ref('int_calendars') }}
),

holidays as (
    select * from {{ ref('int_calendar_holidays') }}
),

time_zone_offsets as (
    select * from {{ ref('int_time_zone_offsets') }}
),

-- a span over midnight belongs to two days, because a holiday takes away one day and not one shift
daily_hours as (
    select
        calendar,
        time_zone,
        weekday_number,
        opens_minute,
        case when closes_minute > opens_minute then closes_minute else 1440 end as closes_minute
    from calendars
    union all
    select
        calendar,
        time_zone,
        weekday_number % 7 + 1 as weekday_number,
        0 as opens_minute,
        closes_minute
    from calendars
    where closes_minute <= opens_minute and closes_minute > 0
),

days as (
    select cast(unnest(generate_series(
        {{ business_time_starts_on() }},
        {{ as_of() }} + {{ business_time_days_ahead() }},
        interval 1 day
    )) as date) as day
),

wall_spans as (
    select
        daily_hours.calendar,
        daily_hours.time_zone,
        cast(days.day as timestamp) + to_minutes(daily_hours.opens_minute) as wall_starts_at,
        cast(days.day as timestamp) + to_minutes(daily_hours.closes_minute) as wall_ends_at
    from days
    inner join daily_hours
        on daily_hours.weekday_number = isodow(days.day)
    anti join holidays
        on daily_hours.calendar = holidays.calendar
        and days.day = holidays.day
),

-- The first offset still in force after a wall time gives the first of two occurrences; when the wall time never came, the instant
-- of the change is the later one and greatest() takes it.
start_instants as (
    select
        wall_spans.*,
        greatest(wall_spans.wall_starts_at - to_seconds(time_zone_offsets.offset_seconds), time_zone_offsets.starts_at) as starts_at
    from wall_spans
    asof join time_zone_offsets
        on wall_spans.time_zone = time_zone_offsets.time_zone
        and wall_spans.wall_starts_at < time_zone_offsets.wall_ends_at
),

instants as (
    select
        start_instants.calendar,
        start_instants.starts_at,
        greatest(start_instants.wall_ends_at - to_seconds(time_zone_offsets.offset_seconds), time_zone_offsets.starts_at) as ends_at
    from start_instants
    asof join time_zone_offsets
        on start_instants.time_zone = time_zone_offsets.time_zone
        and start_instants.wall_ends_at < time_zone_offsets.wall_ends_at
    union all
    select
        {{ round_the_clock() }} as calendar,
        cast({{ business_time_starts_on() }} as timestamp) as starts_at,
        cast({{ as_of() }} + {{ business_time_days_ahead() }} as timestamp) as ends_at
    where {{ round_the_clock() }} not in (select calendar from calendars)
),

-- spans that touch or overlap (two shifts, midnight) are one, or a minute would count twice
numbered as (
    select
        *,
        case
            when starts_at <= max(ends_at) over (
                partition by calendar
                order by starts_at, ends_at
                rows between unbounded preceding and 1 preceding
            ) then 0
            else 1
        end as begins_span
    from instants
    where ends_at > starts_at
),

grouped as (
    select
        *,
        sum(begins_span) over (partition by calendar order by starts_at, ends_at rows unbounded preceding) as span_number
    from numbered
),

merged as (
    select
        calendar,
        min(starts_at) as starts_at,
        max(ends_at) as ends_at
    from grouped
    group by calendar, span_number
),

final as (
    select
        calendar,
        starts_at,
        ends_at,
        cast(epoch(ends_at) - epoch(starts_at) as bigint) as open_seconds,
        cast(coalesce(sum(epoch(ends_at) - epoch(starts_at)) over (
            partition by calendar
            order by starts_at
            rows between unbounded preceding and 1 preceding
        ), 0) as bigint) as open_seconds_before
    from merged
)

select * from final
