with
tickets as (
    select * from {{ ref('fct_tickets') }}
),

ticket_teams as (
    select * from {{ ref('int_ticket_teams') }}
),

across as (
    select
        tickets.resolved_on,
        tickets.resolution_elapsed_hours,
        ticket_teams.first_department || ' → ' || ticket_teams.last_department as departments
    from tickets
    inner join ticket_teams
        on tickets.ticket_id = ticket_teams.ticket_id
    where tickets.resolved_on is not null
        and ticket_teams.department_count > 1
),

final as (
    {{ kpi_median('cross_team_resolution_hours', 'across', day='resolved_on', value='resolution_elapsed_hours', segments=['departments'], p90=false) }}
)

select * from final
