-- depends_on: {{ ref('fct_revenue_entries') }} {{ ref('fct_order_lines') }}

with
final as (
    select * from {{ ref('int_order_corrections') }}
)

select * from final
