{{ config(enabled=has_kind('salesforce')) }}

with
cases as (
    select * from {{ ref('stg_salesforce__cases') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || case_id", 'ticket_id') }}
),

owners as (
    select * from {{ ref('int_case_owners__salesforce') }}
    where is_last
),

words as (
    select * from {{ ref('int_case_words__salesforce') }}
),

final as (
    select
        cases.source_name || ':' || cases.case_id as ticket_id,
        cases.source_name,
        cases.case_number as source_ticket_id,
        cases.subject,
        cases.source_name || ':' || coalesce(cases.contact_id, cases.account_id) as requester_id,
        lower(cases.origin) as channel,
        {{ priority_by_word('cases.priority') }} as priority,
        owners.team,
        owners.assignee,
        coalesce(words.ticket_status, 'open') as status,
        cast(null as varchar) as sla_policy,
        cases.created_at,
        cast(null as timestamp) as source_resolved_at,
        cast(null as timestamp) as source_reopened_at,
        cast(null as bigint) as source_reopen_count,
        cast(null as varchar) as rating,
        cast(null as timestamp) as rated_at,
        cast(null as boolean) as source_sla_met,
        cast(null as timestamp) as source_sla_decided_at,
        true as has_replies,
        case when words.ticket_status is null then cases.status end as unknown_status,
        cast(null as varchar[]) as labels
    from cases
    left join owners
        on cases.source_name = owners.source_name
        and cases.case_id = owners.case_id
    left join words
        on cases.source_name = words.source_name
        and cases.status = words.status
    where not cases.is_deleted
)

select * from final
