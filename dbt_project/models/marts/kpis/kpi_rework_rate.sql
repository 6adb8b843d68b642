with
cases as (
    select * from {{ ref('int_process_cases') }}
),

ended as (
    select
        ended_on,
        process,
        cast(has_rework as integer) as has_rework
    from cases
    where ended_on is not null
),

final as (
    {{ kpi_ratio('rework_rate', 'ended', day='ended_on', numerator='has_rework', denominator='1', segments=['process']) }}
)

select * from final
