with
complaints as (
    select * from {{ ref('fct_complaints') }}
),

due as (
    select
        due_on,
        case when is_on_time then 1 else 0 end as is_on_time,
        kind,
        team
    from complaints
    where is_on_time is not null
),

final as (
    {{ kpi_ratio('complaint_on_time_rate', 'due', day='due_on', numerator='is_on_time', denominator='1', segments=['kind', 'team']) }}
)

select * from final
