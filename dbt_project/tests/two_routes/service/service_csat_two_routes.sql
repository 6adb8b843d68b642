-- The second route: ratings counted straight from the events, a ticket's later rating taking the place of the earlier one; and the tickets that were
-- ever resolved, with those among them of which the events have a rating.
with
ratings as (
    select * from {{ ref('int_ticket_events') }}
    where event_kind = 'rating'
),

expected as (
    select
        'csat' as kpi,
        count(*) filter (where rating.to_value = 'good') as good,
        count(*) as rated
    from ratings as rating
    where not exists (
        select 1 from ratings as later
        where later.ticket_id = rating.ticket_id and (later.event_at, later.sequence) > (rating.event_at, rating.sequence)
    )
    union all
    select
        'csat_response_share' as kpi,
        count(*) filter (where ticket_id in (select ticket_id from ratings)) as good,
        count(*) as rated
    from {{ ref('fct_tickets') }}
    where first_resolved_at is not null
),

published as (
    select
        kpi,
        period_grain,
        segment_type,
        coalesce(sum(numerator), 0) as good,
        coalesce(sum(denominator), 0) as rated
    from {{ ref('kpi_csat') }}
    group by kpi, period_grain, segment_type
)

select
    published.*,
    expected.good as expected_good,
    expected.rated as expected_rated
from published
inner join expected using (kpi)
where published.good <> expected.good or published.rated <> expected.rated
