with
staff as (
    select * from {{ ref('stg_files__staff') }}
),

revenue_entries as (
    select * from {{ ref('fct_revenue_entries') }}
),

employed as (
    select *
    from staff
    where not is_deleted and starts_on <= coalesce(ends_on, {{ no_last_day() }}) and fte > 0
),

heads as (
    {{ average_of_months('employed', 'business_unit', 'fte', first_month="(select date_trunc('month', min(starts_on)) from employed)") }}
),

earned as (
    select
        cast(date_trunc('month', entered_on) as date) as month,
        business_unit,
        sum(net_amount) as net_amount
    from revenue_entries
    group by month, business_unit
),

-- months of which both are known: before the register nobody knows who worked, before the orders nobody knows what came of it
known as (
    select
        month,
        business_unit,
        0 as net_amount,
        fte
    from heads
    where month >= (select min(month) from earned)
    union all
    select
        month,
        business_unit,
        net_amount,
        0 as fte
    from earned
    where month >= (select min(month) from heads)
),

final as (
    {{ kpi_ratio(
        'revenue_per_head', 'known', day='month', numerator='net_amount', denominator='fte', segments=['business_unit'], grains=['month']
    ) }}
)

select * from final
