with
training as (
    select * from {{ ref('stg_files__training') }}
),

planned as (
    select
        planned_on,
        case when completed_on <= {{ as_of() }} then 1 else 0 end as is_completed,
        team,
        course
    from training
    where not is_deleted
),

final as (
    {{ kpi_ratio('training_completion', 'planned', day='planned_on', numerator='is_completed', denominator='1', segments=['team', 'course']) }}
)

select * from final
