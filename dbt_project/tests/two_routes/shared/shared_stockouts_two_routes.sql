-- Item-days out of stock. The second route: for each item-day the last count until then, looked up on its own.
with
wanted as (
    select
        order_lines.placed_on,
        orders.warehouse,
        order_lines.product
    from {{ ref('fct_order_lines') }} as order_lines
    inner join {{ ref('fct_orders') }} as orders
        on order_lines.order_id = orders.order_id
    where orders.placed_on between {{ first_credible_day() }} and {{ as_of() }}
    group by order_lines.placed_on, orders.warehouse, order_lines.product
),

looked_up as (
    select
        wanted.warehouse,
        arg_max(counts.on_hand, counts.counted_on) as on_hand
    from wanted
    inner join {{ ref('stg_files__stock_counts') }} as counts
        on wanted.warehouse = counts.warehouse
        and wanted.product = counts.product
        and wanted.placed_on >= counts.counted_on
    where not counts.is_deleted and counts.on_hand is not null
    group by wanted.placed_on, wanted.warehouse, wanted.product
),

expected as (
    select
        count(*) filter (where on_hand <= 0) as numerator,
        count(*) as denominator
    from looked_up
),

published as (
    select
        segment_type,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('kpis') }}
    where kpi = 'stockout_rate' and period_grain = 'month'
    group by segment_type
)

select
    published.*,
    expected.numerator as expected_numerator,
    expected.denominator as expected_denominator
from published
cross join expected
where coalesce(published.numerator, 0) <> expected.numerator
    or coalesce(published.denominator, 0) <> expected.denominator
