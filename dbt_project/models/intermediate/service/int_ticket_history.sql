with
final as (
    select * from {{ ref('int_ticket_events__zendesk') }}
    union all by name
    select * from {{ ref('int_ticket_events__request_tracker') }}
    union all by name
    select * from {{ ref('int_ticket_events__servicenow') }}
)

select * from final
