-- manual_touch_rate of confirming, from the accounts in the ERP's log instead of from the orders
{%- if has_kind('tryton') %}
with
confirmed as (
    select
        logs.source_name || ':' || logs.resource_id as order_id,
        arg_min(logs.user_id, (logs.logged_at, logs.log_id)) as user_id,
        min(logs.logged_at) as confirmed_at
    from {{ ref('stg_tryton__logs') }} as logs
    where not logs.is_deleted
        and logs.event = 'transition'
        and logs.resource_model = 'sale.sale'
        and logs.target = 'state:confirmed'
    group by logs.source_name, logs.resource_id
),

expected as (
    select
        date_trunc('month', {{ reporting_day('confirmed.confirmed_at') }}) as period_start,
        count(*) filter (
            where confirmed.user_id <> 0 and not list_contains({{ list_of_names('robots') }}, lower(orders.source_name || ':' || confirmed.user_id))
        ) as numerator,
        count(confirmed.user_id) as denominator
    from confirmed
    inner join {{ ref('int_orders') }} as orders
        on confirmed.order_id = orders.order_id
    where confirmed.confirmed_at < {{ end_of_as_of() }}
        and orders.placed_at < {{ end_of_as_of() }}
        and {{ reporting_day('confirmed.confirmed_at') }} >= {{ first_credible_day() }}
    group by 1
),

measured as (
    select
        period_start,
        numerator,
        denominator
    from {{ ref('kpi_manual_touch_rate') }}
    where period_grain = 'month' and segment_type = 'step' and segment = 'confirmed'
)

select *
from measured
full outer join expected using (period_start)
where coalesce(measured.numerator, 0) <> coalesce(expected.numerator, 0)
    or coalesce(measured.denominator, 0) <> coalesce(expected.denominator, 0)
{%- else %}
select 1 as nothing_to_compare
where false
{%- endif %}
