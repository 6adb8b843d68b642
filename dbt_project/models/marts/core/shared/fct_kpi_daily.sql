with
kpis as (
    select * from {{ ref('kpis') }}
    where period_grain = 'day'
),

definitions as (
    select * from {{ ref('int_kpi_definitions') }}
),

compared as (
    select
        *,
        lag(value, 7) over (partition by kpi, segment_type, segment order by period_start) as week_before_value
    from kpis
),

final as (
    select
        compared.period_start as day,
        compared.kpi,
        definitions.title_en,
        definitions.title_zh,
        definitions.perspective,
        definitions.owner,
        definitions.unit,
        definitions.direction,
        compared.segment_type,
        compared.segment,
        compared.value,
        compared.numerator,
        compared.denominator,
        compared.sample_size,
        compared.week_before_value,
        compared.target,
        compared.status,
        compared.is_met,
        compared.is_provisional,
        cast(date_trunc('week', compared.period_start) as date) as week_start,
        cast(date_trunc('month', compared.period_start) as date) as month_start
    from compared
    inner join definitions on compared.kpi = definitions.kpi
    where compared.value is not null
)

select * from final
