-- Incidents handled inside their limit. The second route: minutes used against minutes promised, of every ticket that came urgent or high, without the clocks' verdicts.
with
incidents as (
    select
        clocks.ticket_id,
        tickets.created_priority as severity,
        clocks.elapsed_minutes > clocks.target_minutes as is_late,
        clocks.stopped_at is not null as is_handled
    from {{ ref('fct_ticket_slas') }} as clocks
    inner join {{ ref('fct_tickets') }} as tickets
        on clocks.ticket_id = tickets.ticket_id
    where clocks.clock = 'resolution' and lower(tickets.created_priority) in ('high', 'urgent')
),

expected as (
    select
        severity as segment,
        count(*) filter (where not is_late) as numerator,
        count(*) as denominator
    from incidents
    where is_late or is_handled
    group by severity
),

published as (
    select
        segment,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('kpi_incident_on_time_rate') }}
    where period_grain = 'month' and segment_type = 'severity'
    group by segment
)

select
    expected.*,
    published.numerator as published_numerator,
    published.denominator as published_denominator
from expected
full join published using (segment)
where coalesce(published.numerator, 0) <> coalesce(expected.numerator, 0)
    or coalesce(published.denominator, 0) <> coalesce(expected.denominator, 0)
