{#
    How much a value counts for the quantile `share` of `of` values: the one or two of them that stand beside its place, by how near. before: how many stand before the
    value.
#}
{% macro weight_of_rank(before, share, of) -%}
    greatest(0, 1 - abs({{ before }} - {{ share }} * ({{ of }} - 1)))
{%- endmacro %}

{#
    The second route to a time in opening hours: overlaps of the ticket's time with every open span, added up, instead of a difference of running totals; its median
    and ninetieth percentile by rank. The last two months are enough to see a difference, and joining every ticket with every span is what the first route is there to
    avoid. until_at: the column of fct_tickets with which it ends; seconds: in the KPI's unit.
#}
{% macro opening_hours_added_up(kpi, until_at, seconds) -%}
with
tickets as (
    select
        ticket_id,
        calendar,
        created_at,
        {{ until_at }} as until_at,
        {{ reporting_day(until_at) }} as day
    from {{ ref('fct_tickets') }}
    where {{ reporting_day(until_at) }} > {{ as_of() }} - 60
),

spans as (
    select * from {{ ref('int_calendar_spans') }}
),

measured as (
    select
        tickets.ticket_id,
        tickets.day,
        -- a ticket of closed hours meets no span, and least() would skip that null
        coalesce(sum(
            epoch(least(tickets.until_at, spans.ends_at)) - epoch(greatest(tickets.created_at, spans.starts_at))
        ) filter (where spans.starts_at is not null), 0) / {{ seconds }} as measured
    from tickets
    left join spans
        on tickets.calendar = spans.calendar
        and spans.starts_at < tickets.until_at
        and spans.ends_at > tickets.created_at
    group by tickets.ticket_id, tickets.day
),

ranked as (
    select
        *,
        row_number() over (partition by day order by measured) - 1 as before,
        count(*) over (partition by day) as ticket_count
    from measured
),

asked as (
    select * from (values ('{{ kpi }}', cast(0.5 as double)), ('{{ kpi }}_p90', cast(0.9 as double))) as asked (kpi, share)
),

-- the one or two tickets that stand where half of them, or nine tenths, are behind
expected as (
    select
        asked.kpi,
        ranked.day,
        sum(ranked.measured * {{ weight_of_rank('ranked.before', 'asked.share', 'ranked.ticket_count') }}) as expected_value,
        max(ranked.ticket_count) as expected_sample
    from ranked
    cross join asked
    group by asked.kpi, ranked.day
),

published as (
    select *
    from {{ ref('kpi_' ~ kpi) }}
    where kpi in (select kpi from asked) and period_grain = 'day' and segment_type = 'all' and period_start > {{ as_of() }} - 60
)

select
    coalesce(expected.kpi, published.kpi) as kpi,
    coalesce(expected.day, published.period_start) as day,
    expected.expected_value,
    published.value,
    expected.expected_sample,
    published.sample_size
from expected
full join published on expected.kpi = published.kpi and expected.day = published.period_start
where coalesce(expected.expected_sample, 0) <> coalesce(published.sample_size, 0)
    or abs(coalesce(expected.expected_value, -1) - coalesce(published.value, -1)) > 0.001
{%- endmacro %}
