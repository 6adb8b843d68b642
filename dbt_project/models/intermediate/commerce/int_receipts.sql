{{ config(materialized='view') }}

with
stated as (
    select * from {{ ref('int_receipts__stated') }}
),

final as (
    {{ sound_rows('receipt', 'stated') }}
)

select * from final
