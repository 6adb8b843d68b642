{{ config(enabled=has_kind('erpnext'), materialized='view') }}

with
delivery_notes as (
    select * from {{ ref('stg_erpnext__delivery_notes') }}
),

note_items as (
    select * from {{ ref('stg_erpnext__delivery_note_items') }}
),

invoices as (
    select * from {{ ref('stg_erpnext__sales_invoices') }}
),

document_states as (
    select * from {{ ref('int_document_states__erpnext') }}
),

orders_of_notes as (
    select
        source_name,
        note_name,
        min(order_name) as order_name
    from note_items
    where not is_deleted and order_name is not null
    group by source_name, note_name
),

returns as (
    select
        delivery_notes.source_name,
        delivery_notes.source_name || ':note:' || delivery_notes.note_name as correction_id,
        'Delivery Note' as doctype,
        delivery_notes.note_name as document_name,
        'return' as kind,
        coalesce(its.order_name, returned.order_name) as order_name,
        delivery_notes.created_at,
        delivery_notes.reason,
        delivery_notes.fault,
        delivery_notes.currency,
        -delivery_notes.net_total as amount
    from delivery_notes
    left join orders_of_notes as its
        on delivery_notes.source_name = its.source_name
        and delivery_notes.note_name = its.note_name
    left join orders_of_notes as returned
        on delivery_notes.source_name = returned.source_name
        and delivery_notes.return_against = returned.note_name
    where not delivery_notes.is_deleted and delivery_notes.is_return and delivery_notes.docstatus = 1
),

-- the credit note that pays a return back is the return's, not a second correction
credits as (
    select
        invoices.source_name,
        invoices.source_name || ':invoice:' || invoices.invoice_name as correction_id,
        'Sales Invoice' as doctype,
        invoices.invoice_name as document_name,
        'credit' as kind,
        coalesce(invoices.order_name, credited.order_name) as order_name,
        invoices.created_at,
        invoices.reason,
        invoices.fault,
        invoices.currency,
        -invoices.net_total as amount
    from invoices
    left join invoices as credited
        on invoices.source_name = credited.source_name
        and invoices.return_against = credited.invoice_name
    left join delivery_notes
        on invoices.source_name = delivery_notes.source_name
        and invoices.note_name = delivery_notes.note_name
    where not invoices.is_deleted
        and invoices.is_return
        and invoices.docstatus = 1
        and not coalesce(delivery_notes.is_return, false)
),

corrections as (
    select * from returns
    union all by name
    select * from credits
),

final as (
    select
        corrections.correction_id,
        corrections.source_name || ':' || corrections.order_name as order_id,
        corrections.source_name,
        coalesce(document_states.submitted_at, corrections.created_at) as corrected_at,
        corrections.kind,
        'refunded' as revenue_effect,
        corrections.reason,
        case corrections.fault when 'ours' then true when 'customer' then false end as is_our_fault,
        -- those of its order
        cast(null as varchar) as business_unit,
        cast(null as varchar) as region,
        corrections.currency,
        cast(corrections.amount as decimal(18, 4)) as amount
    from corrections
    left join document_states
        on corrections.source_name = document_states.source_name
        and corrections.doctype = document_states.doctype
        and corrections.document_name = document_states.document_name
)

select * from final
