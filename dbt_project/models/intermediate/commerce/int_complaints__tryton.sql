{{ config(enabled=has_kind('tryton'), materialized='view') }}

with
complaints as (
    select * from {{ ref('stg_tryton__complaints') }}
),

complaint_types as (
    select * from {{ ref('stg_tryton__complaint_types') }}
),

document_states as (
    select * from {{ ref('int_document_states__tryton') }}
),

final as (
    select
        complaints.source_name || ':' || complaints.complaint_id as complaint_id,
        complaints.source_name,
        complaints.number as complaint_number,
        case when complaints.origin_model = 'sale.sale' then complaints.source_name || ':' || complaints.origin_id end as order_id,
        -- the number that the helpdesk's ticket is known by here, as people wrote it down
        complaints.reference as ticket_id,
        regexp_replace(complaint_types.name, ' \(major\)$', '') as kind,
        complaint_types.name like '%(major)' as is_major,
        coalesce(document_states.waiting_at, complaints.created_at) as opened_at,
        -- the ERP keeps no time limit: people write it into the description, on a line of its own
        {{ utc("nullif(regexp_extract(complaints.description, 'Due: (\S+)', 1), '')") }} as due_at,
        case
            when complaints.state in ('done', 'rejected')
                then coalesce(document_states.done_at, document_states.rejected_at, complaints.changed_at)
        end as resolved_at,
        case complaints.state when 'done' then true when 'rejected' then false end as is_agreed
    from complaints
    left join complaint_types
        on complaints.source_name = complaint_types.source_name
        and complaints.complaint_type_id = complaint_types.complaint_type_id
    left join document_states
        on complaints.source_name = document_states.source_name
        and document_states.model = 'sale.complaint'
        and complaints.complaint_id = document_states.document_id
    where not complaints.is_deleted and complaints.state not in ('draft', 'cancelled')
)

select * from final
