-- The second route: every clock on its own, without the verdict of fct_tickets, against the sum over all months; and the segments
-- must add up to the whole.
with
clocks as (
    select * from {{ ref('fct_ticket_slas') }}
),

stated as (
    select
        ticket_id,
        source_sla_met as is_met
    from {{ ref('int_tickets') }}
    where source_sla_met is not null
),

judged as (
    select
        ticket_id,
        bool_and(elapsed_minutes <= target_minutes) as is_met
    from clocks
    where ticket_id not in (select ticket_id from stated)
    group by ticket_id
    having bool_or(elapsed_minutes > target_minutes)
        or (bool_or(stopped_at is not null) and bool_and(stopped_at is not null or outcome = 'void'))
    union all
    select
        stated.ticket_id,
        stated.is_met
    from stated
    inner join {{ ref('int_tickets') }} using (ticket_id)
    where source_sla_decided_at is not null
),

expected as (
    select
        count(*) filter (where is_met) as met,
        count(*) as decided
    from judged
),

published as (
    select
        period_grain,
        segment_type,
        coalesce(sum(numerator), 0) as met,
        coalesce(sum(denominator), 0) as decided
    from {{ ref('kpi_sla_attainment') }}
    group by period_grain, segment_type
)

select
    published.*,
    expected.met as expected_met,
    expected.decided as expected_decided
from published
cross join expected
where published.met <> expected.met or published.decided <> expected.decided
