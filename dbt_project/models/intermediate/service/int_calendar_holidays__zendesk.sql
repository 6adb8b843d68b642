{{ config(enabled=has_kind('zendesk')) }}

with
schedules as (
    select distinct source_name, schedule_number, schedule_name
    from {{ ref('stg_zendesk__schedules') }}
    where not is_deleted and schedule_name is not null
    qualify dense_rank() over (partition by schedule_name order by source_name, schedule_number) = 1
),

holidays as (
    select * from {{ ref('stg_zendesk__schedule_holidays') }}
    where not is_deleted and starts_on <= ends_on
),

final as (
    select distinct
        schedules.schedule_name as calendar,
        cast(unnest(generate_series(cast(holidays.starts_on as timestamp), cast(holidays.ends_on as timestamp), interval 1 day)) as date) as day
    from holidays
    inner join schedules using (source_name, schedule_number)
)

select * from final
