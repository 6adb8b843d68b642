with
judged as (
    select * from {{ ref('int_kpis__judged') }}
),

definitions as (
    select * from {{ ref('int_kpi_definitions') }}
),

-- A KPI counts in a period when it had a target and enough data to be judged by it.
goals as (
    select
        judged.period_grain,
        judged.period_start,
        definitions.perspective,
        definitions.owner,
        case when judged.is_met then 1 else 0 end as is_met,
        1 as is_judged
    from judged
    inner join definitions on judged.kpi = definitions.kpi
    where judged.segment_type = 'all' and judged.is_met is not null
),
{% for grain in ['day', 'week', 'month'] %}
{{ grain }}_goals as (
    select * from goals where period_grain = '{{ grain }}'
),

{{ grain }}_attainment as (
    {{ kpi_ratio(
        'goal_attainment', grain ~ '_goals', day='period_start', numerator='is_met', denominator='is_judged',
        segments=['perspective', 'owner'], grains=[grain]
    ) }}
),
{% endfor %}
final as (
    select * from day_attainment
    union all by name
    select * from week_attainment
    union all by name
    select * from month_attainment
)

select * from final
