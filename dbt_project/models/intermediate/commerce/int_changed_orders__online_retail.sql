{{ config(enabled=has_kind('online_retail'), materialized='view') }}

with
lines as (
    select * from {{ ref('stg_online_retail__lines') }}
),

lines_as_built as (
    {{ as_built('int_order_lines', {'order_line_id': 'varchar', 'order_id': 'varchar'}, schema='intermediate') }}
),

final as (
    select distinct source_name || ':' || invoice_number as order_id
    from lines
    where {{ has_happened_since('invoiced_at') }} and invoice_number is not null
    union
    -- a line that is gone, or now stands on another invoice
    select lines_as_built.order_id
    from lines
    inner join lines_as_built
        on lines.source_name || ':' || lines.record_key = lines_as_built.order_line_id
    where {{ landed_tonight('lines.batch_id') }}
)

select * from final
