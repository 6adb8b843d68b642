{{ config(enabled=has_kind('odoo'), materialized='view') }}

with
tracking_values as (
    select * from {{ ref('stg_odoo__tracking_values') }}
),

tracked_fields as (
    select * from {{ ref('stg_odoo__tracked_fields') }}
),

final as (
    select
        tracking_values.source_name,
        tracking_values.change_id,
        tracking_values.model,
        tracking_values.document_id,
        tracked_fields.name as field,
        tracking_values.old_number,
        tracking_values.new_number,
        tracking_values.old_text,
        tracking_values.new_text,
        tracking_values.old_instant,
        tracking_values.new_instant,
        tracking_values.changed_at
    from tracking_values
    inner join tracked_fields
        on tracking_values.source_name = tracked_fields.source_name
        and tracking_values.field_id = tracked_fields.field_id
    where not tracking_values.is_deleted
)

select * from final
