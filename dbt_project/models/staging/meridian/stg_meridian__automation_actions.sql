with
source as (
    select * from {{ source('meridian', 'automation_actions') }}
),

renamed as (
    select
        intent as intent_id,
        proposal as proposal_id,
        playbook,
        purpose,
        work_key,
        step,
        target,
        action,
        mode,
        decided_by,
        kpi,
        state,
        attempts,
        proposed_at,
        planned_at,
        ended_at
    from source
)

select * from renamed
