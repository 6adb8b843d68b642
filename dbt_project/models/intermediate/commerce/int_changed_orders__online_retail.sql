{{ config(enabled=has_kind('online_retail'), materialized='view') }}

with
lines as (
    select * from {{ ref('stg_online_retail__lines') }}
),

lines_as_built as (
    {{ as_built('int_order_lines', {'order_line_id': 'varchar', 'order_id': 'varchar'}, schema='intermediate') }}
),

final as (
    {{ happened_since(ref('stg_online_retail__lines'), "source_name || ':' || invoice_number as order_id", 'invoiced_at', also='invoice_number is not null') }}
    union
    -- a line that is gone, or now stands on another invoice
    select order_id
    from lines_as_built
    where order_line_id in (select source_name || ':' || record_key from lines where {{ landed_tonight() }})
)

select * from final
