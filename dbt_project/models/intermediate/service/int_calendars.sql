-- What the configuration says of a calendar counts, holidays among it; what it does not name may come from a helpdesk's own schedules.
with
configured as (
    select * from {{ ref('stg_meridian__calendars') }}
),

found as (
    {{ from_all_kinds('int_calendars', ['zendesk'], {
        'calendar': 'varchar', 'time_zone': 'varchar', 'weekday_number': 'bigint', 'opens_minute': 'integer', 'closes_minute': 'integer'}) }}
),

final as (
    select
        calendar,
        time_zone,
        weekday_number,
        {{ minute_of_day('opens_at') }} as opens_minute,
        {{ minute_of_day('closes_at') }} as closes_minute
    from configured
    union all by name
    select * from found
    where calendar not in (select calendar from configured)
)

select * from final
