{{ config(enabled=has_kind('hubspot')) }}

with
tickets as (
    select * from {{ ref('stg_hubspot__tickets') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_number", 'ticket_id') }} and not is_deleted
),

changes as (
    select * from {{ ref('stg_hubspot__ticket_changes') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || ticket_number", 'ticket_id') }} and not is_deleted
),

partners as (
    select * from {{ ref('stg_hubspot__ticket_associations') }}
),

stages as (
    select * from {{ ref('int_ticket_stages__hubspot') }}
),

owners as (
    select * from {{ ref('int_ticket_owners__hubspot') }}
    where is_last
),

requesters as (
    select
        source_name,
        ticket_number,
        coalesce(
            'contact:' || max(first_partner_number) filter (where partner_type = 'contacts'),
            'company:' || max(coalesce(primary_partner_number, first_partner_number)) filter (where partner_type = 'companies')
        ) as requester
    from partners
    where not is_deleted
    group by source_name, ticket_number
),

followed as (
    select distinct
        source_name,
        ticket_number
    from changes
    where field = 'stage'
),

final as (
    select
        tickets.source_name || ':' || tickets.ticket_number as ticket_id,
        tickets.source_name,
        cast(tickets.ticket_number as varchar) as source_ticket_id,
        tickets.subject,
        tickets.source_name || ':' || requesters.requester as requester_id,
        case tickets.source_type when 'FORM' then 'web' else lower(tickets.source_type) end as channel,
        {{ priority_by_word('tickets.priority') }} as priority,
        owners.team,
        owners.assignee,
        coalesce(stages.ticket_status, 'open') as status,
        cast(null as varchar) as sla_policy,
        tickets.created_at,
        -- told as events, but of what has no history of its stages
        case when followed.ticket_number is null then tickets.closed_at end as source_resolved_at,
        cast(null as timestamp) as source_reopened_at,
        cast(null as bigint) as source_reopen_count,
        cast(null as varchar) as rating,
        cast(null as timestamp) as rated_at,
        cast(null as boolean) as source_sla_met,
        cast(null as timestamp) as source_sla_decided_at,
        -- a ticket says when it was first replied to; what was said is with its conversations, which are not read
        false as has_replies,
        case when stages.ticket_status is null then tickets.stage end as unknown_status,
        cast(null as varchar[]) as labels
    from tickets
    left join requesters using (source_name, ticket_number)
    left join stages using (source_name, stage)
    left join owners using (source_name, ticket_number)
    left join followed using (source_name, ticket_number)
)

select * from final
