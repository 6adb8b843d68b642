-- depends_on: {{ ref('fct_tickets') }} {{ ref('int_ticket_backlog_spells') }}
{{ config(enabled=has_kind('request_tracker')) }}

with
final as (
    select * from {{ ref('int_actors__request_tracker') }}
)

select * from final
