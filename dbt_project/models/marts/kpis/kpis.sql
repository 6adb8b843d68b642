with
judged as (
    select * from {{ ref('int_kpis__judged') }}
),

goal_attainment as (
    select * from {{ ref('kpi_goal_attainment') }}
),

improvement_projects as (
    select * from {{ ref('kpi_improvement_projects') }}
),

efficiency_gain as (
    select * from {{ ref('kpi_efficiency_gain') }}
),

definitions as (
    select * from {{ ref('int_kpi_definitions') }}
),

targets as (
    select * from {{ ref('int_targets') }}
),

goal_attainment_judged as (
    {{ kpi_judged('goal_attainment') }}
),

improvement_projects_judged as (
    {{ kpi_judged('improvement_projects') }}
),

efficiency_gain_judged as (
    {{ kpi_judged('efficiency_gain') }}
),

final as (
    select * from judged
    union all by name
    select * from goal_attainment_judged
    union all by name
    select * from improvement_projects_judged
    union all by name
    select * from efficiency_gain_judged
)

select * from final
