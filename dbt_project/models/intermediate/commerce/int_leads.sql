{{ config(materialized='view') }}

with
stated as (
    select * from {{ ref('int_leads__stated') }}
),

final as (
    {{ sound_rows('lead', 'stated') }}
)

select * from final
