with
judged as (
    select * from {{ ref('int_kpis__judged') }}
),

definitions as (
    select * from {{ ref('int_kpi_definitions') }}
),

-- a period in progress is no counterpart of a whole one
measured as (
    select
        judged.kpi,
        judged.period_grain,
        judged.period_start,
        judged.value,
        definitions.direction
    from judged
    inner join definitions on judged.kpi = definitions.kpi
    where judged.kpi in ('{{ efficiency_kpis() | join("', '") }}')
        and judged.segment_type = 'all'
        and judged.period_grain in ('week', 'month')
        and judged.period_end <= {{ as_of() }}
        and judged.value is not null
),

gains as (
    select
        measured.period_grain,
        measured.period_start,
        measured.kpi,
        -- a decimal: a sum of doubles depends on the order of the rows
        cast(case measured.direction when 'lower' then -1 else 1 end * (measured.value / earlier.value - 1) as decimal(18, 9)) as gain
    from measured
    inner join measured as earlier
        on measured.kpi = earlier.kpi
        and measured.period_grain = earlier.period_grain
        -- a week's counterpart is 52 weeks earlier, so that it has the same weekdays
        and earlier.period_start = case measured.period_grain
            when 'week' then measured.period_start - 364
            else cast(measured.period_start - interval 1 year as date)
        end
    where earlier.value > 0
),
{% for grain in ['week', 'month'] %}
{{ grain }}_gains as (
    select * from gains where period_grain = '{{ grain }}'
),

{{ grain }}_gain as (
    {{ kpi_ratio('efficiency_gain', grain ~ '_gains', day='period_start', numerator='gain', denominator='1', segments=['kpi'], grains=[grain]) }}
),
{% endfor %}
final as (
    select * from week_gain
    union all by name
    select * from month_gain
)

select * from final
