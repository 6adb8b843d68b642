with
deviations as (
    select * from {{ ref('process_deviations') }}
),

skipped as (
    select
        *,
        -- from this day on it is off the list, made good or not
        ended_on + {{ worklist_limit('skipped_days') }} as listed_until
    from deviations
    where deviation = 'skipped'
        and ended_on > {{ as_of() }} - {{ worklist_limit('skipped_days') }}
),

final as (
    {{ worklist(
        'skipped_steps', 'skipped', key="process || '/' || case_id || '/' || activity", subject="process || ' ' || case_id",
        evidence_en="'Ended on ' || ended_on || ' without step ' || step || ', ' || activity",
        evidence_zh="'于 ' || ended_on || ' 结束,缺第 ' || step || ' 步 ' || activity",
        owner='operations_lead', due_at='ended_on + 7', severity="'warn'", value='step', threshold='0', more=['process', 'case_id', 'step', 'activity'], last=['listed_until']
    ) }}
)

select * from final
