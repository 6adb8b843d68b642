with
quality_reviews as (
    select * from {{ ref('stg_files__quality_reviews') }}
),

scored as (
    select *
    from quality_reviews
    where not is_deleted and score is not null and {{ is_sound('quality_reviews') }}
),

final as (
    {{ kpi_ratio('quality_score', 'scored', day='reviewed_on', numerator='score', denominator='1', segments=['team']) }}
)

select * from final
