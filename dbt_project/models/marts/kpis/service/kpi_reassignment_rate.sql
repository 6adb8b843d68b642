with
tickets as (
    select * from {{ ref('fct_tickets') }}
),

ticket_teams as (
    select * from {{ ref('int_ticket_teams') }}
),

resolved as (
    select
        {{ reporting_day('tickets.first_resolved_at') }} as first_resolved_on,
        case when ticket_teams.team_count > 1 then 1 else 0 end as was_passed_on,
        tickets.team
    from tickets
    inner join ticket_teams
        on tickets.ticket_id = ticket_teams.ticket_id
    where tickets.first_resolved_at is not null
),

final as (
    {{ kpi_ratio('reassignment_rate', 'resolved', day='first_resolved_on', numerator='was_passed_on', denominator='1', segments=['team']) }}
)

select * from final
