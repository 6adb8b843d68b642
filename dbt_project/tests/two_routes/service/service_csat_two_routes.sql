-- The second route: ratings counted straight from the events, a ticket's later rating taking the place of the earlier one.
with
ratings as (
    select * from {{ ref('int_ticket_events') }}
    where event_kind = 'rating'
),

expected as (
    select
        count(*) filter (where rating.to_value = 'good') as good,
        count(*) as rated
    from ratings as rating
    where not exists (
        select 1 from ratings as later
        where later.ticket_id = rating.ticket_id and (later.event_at, later.sequence) > (rating.event_at, rating.sequence)
    )
),

published as (
    select
        period_grain,
        segment_type,
        coalesce(sum(numerator), 0) as good,
        coalesce(sum(denominator), 0) as rated
    from {{ ref('kpi_csat') }}
    where kpi = 'csat'
    group by period_grain, segment_type
)

select
    published.*,
    expected.good as expected_good,
    expected.rated as expected_rated
from published
cross join expected
where published.good <> expected.good or published.rated <> expected.rated
