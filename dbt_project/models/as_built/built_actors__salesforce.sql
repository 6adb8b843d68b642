-- depends_on: {{ ref('fct_tickets') }} {{ ref('int_ticket_backlog_spells') }}
{{ config(enabled=has_kind('salesforce')) }}

with
final as (
    select * from {{ ref('int_actors__salesforce') }}
)

select * from final
