{{ config(enabled=has_kind('odoo'), materialized='view') }}

with
changes as (
    select * from {{ ref('int_tracked_changes__odoo') }}
),

-- A state is written down by its label, in the language of whoever changed it: in other languages than English a document's own dates must do.
final as (
    select
        source_name,
        model,
        document_id,
        min(changed_at) filter (where field = 'state' and new_text = 'Quotation Sent') as sent_at,
        min(changed_at) filter (where field = 'state' and new_text in ('Sales Order', 'Purchase Order')) as confirmed_at,
        max(changed_at) filter (where field = 'state' and new_text = 'Cancelled') as cancelled_at,
        arg_min(old_text, changed_at) filter (where field = 'state') = 'Quotation'
        and not coalesce(bool_or(new_text in ('Quotation Sent', 'Sales Order')) filter (where field = 'state'), false) as was_never_sent,
        arg_min(old_instant, changed_at) filter (where field = 'scheduled_date') as first_scheduled_at,
        min(changed_at) filter (where field = 'scheduled_date') as rescheduled_at
    from changes
    where model in ('sale.order', 'purchase.order', 'stock.picking')
    group by source_name, model, document_id
)

select * from final
