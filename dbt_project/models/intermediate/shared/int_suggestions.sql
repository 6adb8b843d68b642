with
tickets as (
    select * from {{ ref('int_ticket_headers__stated') }}
),

history as (
    select * from {{ ref('int_ticket_history') }}
),

registered as (
    select * from {{ ref('stg_files__suggestions') }}
),

asked as (
    select * from tickets
    where {{ is_suggestion('team', 'labels') }} and created_at < {{ end_of_as_of() }}
),

-- somebody has looked at it when one of us answered, or it is not new any more
looked_at as (
    select
        history.ticket_id,
        min(history.event_at) as assessed_at
    from history
    semi join asked using (ticket_id)
    where history.event_at < {{ end_of_as_of() }}
        and (
            (history.event_kind = 'public_reply' and history.actor_kind = 'agent')
            or (history.event_kind = 'status' and history.to_value <> 'new')
        )
    group by history.ticket_id
),

final as (
    select
        asked.ticket_id as suggestion_id,
        asked.source_name,
        'ticket' as submitted_through,
        asked.source_ticket_id as number,
        asked.subject,
        asked.team as unit,
        asked.requester_id as submitter,
        {{ reporting_day('asked.created_at') }} as submitted_on,
        {{ reporting_day('looked_at.assessed_at') }} as assessed_on,
        {{ is_done('asked.status') }} as is_closed,
        cast(null as varchar) as project
    from asked
    left join looked_at
        on asked.ticket_id = looked_at.ticket_id
    union all
    select
        source_name || ':' || record_key as suggestion_id,
        source_name,
        'register' as submitted_through,
        coalesce(suggestion, record_key) as number,
        subject,
        unit,
        submitter,
        submitted_on,
        case when assessed_on <= {{ as_of() }} then assessed_on end as assessed_on,
        coalesce(assessed_on <= {{ as_of() }} and decision = 'no', false) as is_closed,
        project
    from registered
    where not is_deleted and submitted_on <= {{ as_of() }}
)

select * from final
