with
complaints as (
    select * from {{ ref('fct_complaints') }}
),

closed as (
    select
        resolved_on,
        case when is_agreed then 1 else 0 end as is_agreed,
        kind,
        team
    from complaints
    where resolved_on is not null and is_agreed is not null
),

final as (
    {{ kpi_ratio('dispute_resolution_rate', 'closed', day='resolved_on', numerator='is_agreed', denominator='1', segments=['kind', 'team']) }}
)

select * from final
