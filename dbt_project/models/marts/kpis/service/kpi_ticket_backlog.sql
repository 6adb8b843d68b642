with
spells as (
    select * from {{ ref('int_ticket_backlog_spells') }}
),

final as (
    {{ kpi_at_period_end(
        'ticket_backlog',
        'spells',
        opened_on='opened_on',
        closed_on='closed_on',
        segments=['team', 'priority', 'age_bucket'],
    ) }}
)

select * from final
