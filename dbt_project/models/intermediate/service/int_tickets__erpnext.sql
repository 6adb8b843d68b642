{{ config(enabled=has_kind('erpnext')) }}

with
issues as (
    select * from {{ ref('stg_erpnext__issues') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || issue_name", 'ticket_id') }}
),

changes as (
    select * from {{ ref('stg_erpnext__changes') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || document_name", 'ticket_id') }}
),

communications as (
    select * from {{ ref('stg_erpnext__communications') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || issue_name", 'ticket_id') }}
),

openings as (
    select
        source_name,
        issue_name,
        arg_min(medium, (said_at, record_key)) as medium
    from communications
    where is_incoming and not is_deleted
    group by source_name, issue_name
),

followed as (
    select distinct
        source_name,
        document_name as issue_name
    from changes
    where doctype = 'Issue' and field = 'status' and not is_deleted
),

-- When a due date was missed. The site judges an agreement only when the issue is saved the next time, and does not say when it did.
judged as (
    select
        *,
        case when response_due_at < least(coalesce(first_responded_at, {{ end_of_as_of() }}), {{ end_of_as_of() }}) then response_due_at end as response_missed_at,
        case when resolution_due_at < least(coalesce(resolved_at, {{ end_of_as_of() }}), {{ end_of_as_of() }}) then resolution_due_at end as resolution_missed_at
    from issues
    where not is_deleted
),

final as (
    select
        judged.source_name || ':' || judged.issue_name as ticket_id,
        judged.source_name,
        judged.issue_name as source_ticket_id,
        judged.subject,
        judged.source_name || ':' || coalesce(judged.customer, judged.raised_by) as requester_id,
        case
            when judged.is_from_portal then 'web'
            when openings.medium is not null then lower(openings.medium)
            when judged.email_account is not null then 'email'
        end as channel,
        {{ priority_by_word('judged.priority') }} as priority,
        judged.team,
        judged.assignee,
        coalesce({{ erpnext_issue_status('judged.status') }}, 'open') as status,
        judged.service_level_agreement as sla_policy,
        judged.created_at,
        -- told as events, but of what ended before the site kept versions
        case when followed.issue_name is null then judged.resolved_at end as source_resolved_at,
        cast(null as timestamp) as source_reopened_at,
        cast(null as bigint) as source_reopen_count,
        cast(null as varchar) as rating,
        cast(null as timestamp) as rated_at,
        case judged.agreement_status when 'Fulfilled' then true when 'Failed' then false end as source_sla_met,
        case
            when judged.agreement_status = 'Fulfilled' then greatest(judged.first_responded_at, judged.resolved_at)
            when judged.agreement_status = 'Failed' then least(judged.response_missed_at, judged.resolution_missed_at)
        end as source_sla_decided_at,
        true as has_replies,
        case when {{ erpnext_issue_status('judged.status') }} is null then judged.status end as unknown_status,
        cast(null as varchar[]) as labels
    from judged
    left join openings using (source_name, issue_name)
    left join followed using (source_name, issue_name)
)

select * from final
