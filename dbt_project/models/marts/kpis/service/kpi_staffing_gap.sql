with
staffing as (
    select * from {{ ref('fct_staffing') }}
),

-- decimals: a sum of doubles depends on the order of the rows
judged as (
    select * replace (cast(missing_hours as decimal(18, 6)) as missing_hours, cast(hours as decimal(18, 6)) as hours)
    from staffing
    where not is_ahead and needed_agents is not null
),

by_team as (
    {{ kpi_ratio('staffing_gap', 'judged', day='day', numerator='missing_hours', denominator='hours', segments=['team']) }}
),

-- an hour of the week comes four times a month: fewer would say nothing
by_hour as (
    {{ kpi_ratio('staffing_gap', 'judged', day='day', numerator='missing_hours', denominator='hours', segments=['hour_of_week'], grains=['month']) }}
),

final as (
    select * from by_team
    union all by name
    select *
    from by_hour
    where segment_type = 'hour_of_week'
)

select * from final
