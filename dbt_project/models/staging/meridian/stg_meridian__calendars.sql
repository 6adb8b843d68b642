with
source as (
    select * from {{ source('meridian', 'calendars') }}
),

renamed as (
    select
        calendar,
        time_zone,
        weekday,
        opens_at,
        closes_at,
        -- Monday is 1, as in ISO 8601 and isodow().
        list_position(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], weekday) as weekday_number
    from source
)

select * from renamed
