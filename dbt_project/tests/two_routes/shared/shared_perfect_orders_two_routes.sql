-- Perfect orders of all time. The second route: kept promises, less those that a correction of ours or a complaint speaks against, counted from these.
with
kept as (
    select order_id
    from {{ ref('fct_orders') }}
    where is_on_time
),

against as (
    select order_id
    from {{ ref('int_order_corrections') }}
    where is_our_fault and order_id is not null and corrected_at < {{ end_of_as_of() }}
    union
    select order_id
    from {{ ref('fct_complaints') }}
    where order_id is not null
),

expected as (
    select (select count(*) from kept) - (select count(*) from kept semi join against using (order_id)) as perfect
),

published as (
    select coalesce(sum(numerator), 0) as perfect
    from {{ ref('kpi_perfect_order_rate') }}
    where period_grain = 'month' and segment_type = 'all'
)

select
    expected.perfect as expected,
    published.perfect as published
from expected, published
where expected.perfect <> published.perfect
