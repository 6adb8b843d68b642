with
surveys as (
    select * from {{ ref('stg_files__surveys') }}
),

answers as (
    select
        answered_on,
        case when score >= 4 then 1 else 0 end as is_positive,
        department || ' → ' || about as pair
    from surveys
    where not is_deleted and score is not null and {{ is_sound('surveys') }}
),

final as (
    {{ kpi_ratio('cross_team_satisfaction', 'answers', day='answered_on', numerator='is_positive', denominator='1', segments=['pair']) }}
)

select * from final
