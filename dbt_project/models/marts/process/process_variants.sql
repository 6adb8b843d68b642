with
cases as (
    select * from {{ ref('int_process_cases') }}
),

deviations as (
    select * from {{ ref('process_deviations') }}
),

deviating as (
    select distinct process, case_id from deviations
),

recent as (
    select
        cases.*,
        deviating.case_id is not null as deviates
    from cases
    left join deviating
        on cases.process = deviating.process
        and cases.case_id = deviating.case_id
    where cases.started_at >= {{ end_of_as_of() }} - interval '{{ process_days() }} days'
),

final as (
    select
        process,
        variant,
        count(*) as case_count,
        cast(count(*) as double) / sum(count(*)) over (partition by process) as share,
        row_number() over (partition by process order by count(*) desc, variant) as place,
        cast(median({{ hours_between('started_at', 'ended_at') }}) as double) as median_hours,
        count(*) filter (where ended_at is not null) as ended_count,
        count(*) filter (where deviates) as deviating_count,
        bool_or(has_rework) as has_rework
    from recent
    group by process, variant
)

select * from final
