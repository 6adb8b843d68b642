-- Reviews of teams and of tickets, and surveys. The second route: the files' lines, counted once for the whole history.
with
expected as (
    select
        'team_review_pass_rate' as kpi,
        count(*) filter (where is_passed) as numerator,
        count(is_passed) as denominator
    from {{ ref('stg_files__team_reviews') }}
    where not is_deleted and reviewed_on between {{ first_credible_day() }} and {{ as_of() }}
    union all
    select
        'quality_score' as kpi,
        sum(score) as numerator,
        count(*) as denominator
    from {{ ref('stg_files__quality_reviews') }}
    where not is_deleted and score between 0 and 100 and reviewed_on between {{ first_credible_day() }} and {{ as_of() }}
    union all
    select
        'cross_team_satisfaction' as kpi,
        count(*) filter (where score in (4, 5)) as numerator,
        count(*) as denominator
    from {{ ref('stg_files__surveys') }}
    where not is_deleted and score between 1 and 5 and answered_on between {{ first_credible_day() }} and {{ as_of() }}
),

published as (
    select
        kpi,
        segment_type,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('kpis') }}
    where period_grain = 'month' and kpi in ('team_review_pass_rate', 'quality_score', 'cross_team_satisfaction')
    group by kpi, segment_type
)

select
    published.*,
    expected.numerator as expected_numerator,
    expected.denominator as expected_denominator
from published
full join expected using (kpi)
where {{ differs('coalesce(published.numerator, 0)', 'coalesce(expected.numerator, 0)') }}
    or {{ differs('coalesce(published.denominator, 0)', 'coalesce(expected.denominator, 0)') }}
