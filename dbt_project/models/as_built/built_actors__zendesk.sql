-- depends_on: {{ ref('fct_tickets') }} {{ ref('int_ticket_backlog_spells') }}
{{ config(enabled=has_kind('zendesk')) }}

with
final as (
    select * from {{ ref('int_actors__zendesk') }}
)

select * from final
