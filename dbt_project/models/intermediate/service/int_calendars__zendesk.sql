{{ config(enabled=has_kind('zendesk')) }}

-- A schedule names its time zone as the vendor calls it ("Berlin"); users carry the same name and, beside it, that of the zone database. A schedule whose
-- zone no user has and that is none of the database's own is left out.
with
schedules as (
    select * from {{ ref('stg_zendesk__schedules') }}
    where not is_deleted and schedule_name is not null
),

users as (
    select * from {{ ref('stg_zendesk__users') }}
),

zones as (
    select
        source_name,
        zone_name,
        mode(time_zone) as time_zone
    from users
    where time_zone is not null
    group by source_name, zone_name
),

known_zones as (
    select name as time_zone from pg_timezone_names()
),

placed as (
    select
        schedules.schedule_name as calendar,
        coalesce(zones.time_zone, schedules.zone_name) as time_zone,
        schedules.opens_minute_of_week // 1440 as day_of_week,
        schedules.opens_minute_of_week,
        schedules.closes_minute_of_week
    from schedules
    left join zones using (source_name, zone_name)
    where schedules.opens_minute_of_week is not null
    -- of two helpdesks that call a schedule alike the first one counts
    qualify dense_rank() over (partition by schedules.schedule_name order by schedules.source_name, schedules.schedule_number) = 1
),

final as (
    select
        calendar,
        time_zone,
        cast(case day_of_week when 0 then 7 else day_of_week end as bigint) as weekday_number,
        cast(opens_minute_of_week - day_of_week * 1440 as integer) as opens_minute,
        cast(closes_minute_of_week - day_of_week * 1440 as integer) as closes_minute
    from placed
    semi join known_zones using (time_zone)
)

select * from final
