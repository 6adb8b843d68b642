{{ config(materialized='view') }}

with
stated as (
    select * from {{ ref('int_order_lines__stated') }}
),

final as (
    {{ sound_rows('order_line', 'stated') }}
)

select * from final
