with
leads as (
    select * from {{ ref('fct_leads') }}
),

lead_events as (
    select * from {{ ref('int_lead_events') }}
),

moved as (
    select
        lead_id,
        max(event_at) as moved_at
    from lead_events
    where event_at < {{ end_of_as_of() }}
    group by lead_id
),

still as (
    select
        leads.lead_id,
        leads.customer_id,
        leads.owner as lead_owner,
        leads.stage,
        leads.amount,
        coalesce(moved.moved_at, leads.created_at) as moved_at,
        date_diff('day', {{ reporting_day('coalesce(moved.moved_at, leads.created_at)') }}, {{ as_of() }}) as still_days
    from leads
    left join moved
        on leads.lead_id = moved.lead_id
    where leads.stage in ('lead', 'opportunity', 'offer')
        and not leads.is_won
        and not leads.is_lost
),

stale as (
    select *
    from still
    where still_days > {{ worklist_limit('stale_days') }}
),

final as (
    {{ worklist(
        'stale_opportunities', 'stale', key='lead_id', subject="lead_id",
        evidence_en="stage || ' for ' || still_days || ' days' || coalesce(', ' || cast(round(amount) as bigint) || ' ' || " ~ reporting_currency() ~ ", '') || coalesce(', ' || lead_owner, '')",
        evidence_zh="'停留在 ' || stage || ' 已 ' || still_days || ' 天' || coalesce(',' || cast(round(amount) as bigint) || ' ' || " ~ reporting_currency() ~ ", '') || coalesce(',' || lead_owner, '')",
        owner='sales_lead', due_at=as_of() ~ ' + 1', severity="'inform'", value='still_days', threshold=worklist_limit('stale_days'),
        more=['lead_id', 'customer_id', 'lead_owner', 'stage', 'amount']
    ) }}
)

select * from final
