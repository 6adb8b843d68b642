with
cases as (
    select * from {{ ref('int_process_cases') }}
),

deviations as (
    select * from {{ ref('process_deviations') }}
),

steps as (
    select * from {{ ref('int_process_steps') }}
),

deviating as (
    select distinct process, case_id from deviations
),

ended as (
    select
        cases.ended_on,
        cases.process,
        case when deviating.case_id is null then 1 else 0 end as follows
    from cases
    left join deviating
        on cases.process = deviating.process
        and cases.case_id = deviating.case_id
    where cases.ended_on is not null
),

-- a step may deviate in more ways than one
deviating_steps as (
    select distinct process, case_id, step from deviations
),

nodes as (
    select
        cases.ended_on,
        steps.process || ': ' || steps.activity as node,
        case when deviating_steps.case_id is null then 1 else 0 end as follows
    from cases
    inner join steps
        on cases.process = steps.process
    left join deviating_steps
        on cases.process = deviating_steps.process
        and cases.case_id = deviating_steps.case_id
        and steps.step = deviating_steps.step
    where cases.ended_on is not null
),

whole as (
    {{ kpi_ratio('process_compliance_rate', 'ended', day='ended_on', numerator='follows', denominator='1', segments=['process']) }}
),

by_node as (
    {{ kpi_ratio('process_compliance_rate', 'nodes', day='ended_on', numerator='follows', denominator='1', segments=['node']) }}
),

final as (
    select * from whole
    union all by name
    select *
    from by_node
    -- a case counts once in the whole and once at each of its nodes
    where segment_type = 'node'
)

select * from final
