with
sites as (
    select * from {{ ref('stg_files__sites') }}
),

revenue_entries as (
    select * from {{ ref('fct_revenue_entries') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

used as (
    select *
    from sites
    where not is_deleted and starts_on <= coalesce(ends_on, {{ no_last_day() }}) and square_metres > 0
),

space as (
    {{ average_of_months('used', 'site', 'square_metres', first_month="(select date_trunc('month', min(starts_on)) from used)") }}
),

-- most companies declare none
entries as (
    select * from revenue_entries
    where (select count(*) from used) > 0
),

-- an order's site is the warehouse that serves it
earned as (
    select
        cast(date_trunc('month', entries.entered_on) as date) as month,
        orders.warehouse as site,
        sum(entries.net_amount) as net_amount
    from entries
    left join orders
        on entries.order_id = orders.order_id
    group by month, site
),

known as (
    {{ revenue_beside('space', 'site', 'square_metres') }}
),

final as (
    {{ kpi_ratio(
        'revenue_per_sqm', 'known', day='month', numerator='net_amount', denominator='square_metres', segments=['site'], grains=['month']
    ) }}
)

select * from final
