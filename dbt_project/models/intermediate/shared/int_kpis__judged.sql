{# A view: its rows are stored once, in kpis. goal_attainment reads it because it cannot read the union that contains itself. #}
{{ config(materialized='view') }}

with
definitions as (
    select * from {{ ref('int_kpi_definitions') }}
),

targets as (
    select * from {{ ref('int_targets') }}
),

measured as (
    {%- for name in kpi_models() %}
    select kpi, period_grain, period_start, segment_type, segment, value, numerator, denominator, sample_size from {{ ref('kpi_' ~ name) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    {{ kpi_judged('measured') }}
)

select * from final
