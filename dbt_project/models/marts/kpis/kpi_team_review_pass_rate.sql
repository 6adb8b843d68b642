with
team_reviews as (
    select * from {{ ref('stg_files__team_reviews') }}
),

-- a review without a verdict has not been decided
decided as (
    select
        reviewed_on,
        case when is_passed then 1 else 0 end as is_passed,
        team
    from team_reviews
    where not is_deleted and is_passed is not null
),

final as (
    {{ kpi_ratio('team_review_pass_rate', 'decided', day='reviewed_on', numerator='is_passed', denominator='1', segments=['team']) }}
)

select * from final
