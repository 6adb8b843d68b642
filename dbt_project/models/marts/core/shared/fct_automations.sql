with
actions as (
    select * from {{ ref('stg_meridian__automation_actions') }}
),

-- What ended after as_of was still open then.
known as (
    select
        *,
        coalesce(ended_at < {{ end_of_as_of() }}, false) as has_ended
    from actions
    where planned_at < {{ end_of_as_of() }}
),

final as (
    select
        intent_id,
        proposal_id,
        playbook,
        purpose,
        work_key,
        step,
        target,
        action,
        mode,
        decided_by,
        kpi,
        case when has_ended then state else 'open' end as state,
        attempts,
        -- what was so already, or was never sent, was not attempted
        has_ended and attempts > 0 and state <> 'cancelled' as is_attempted,
        has_ended and attempts > 0 and state = 'verified' as is_verified,
        proposed_at,
        planned_at,
        case when has_ended then ended_at end as ended_at,
        case when has_ended then {{ reporting_day('ended_at') }} end as ended_on
    from known
)

select * from final
