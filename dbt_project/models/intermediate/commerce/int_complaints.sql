{{ config(materialized='view') }}

with
stated as (
    select * from {{ ref('int_complaints__stated') }}
),

final as (
    {{ sound_rows('complaint', 'stated') }}
)

select * from final
