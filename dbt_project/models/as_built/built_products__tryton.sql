-- depends_on: {{ ref('fct_revenue_entries') }} {{ ref('fct_order_lines') }}
{{ config(enabled=has_kind('tryton')) }}

with
final as (
    select * from {{ ref('int_products__tryton') }}
)

select * from final
