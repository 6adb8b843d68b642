with
configured as (
    select * from {{ ref('stg_meridian__calendars') }}
),

holidays as (
    select * from {{ ref('stg_meridian__holidays') }}
),

found as (
    {{ from_all_kinds('int_calendar_holidays', ['zendesk'], {'calendar': 'varchar', 'day': 'date'}) }}
),

final as (
    select calendar, day from holidays
    union all by name
    select * from found
    where calendar not in (select calendar from configured)
)

select * from final
