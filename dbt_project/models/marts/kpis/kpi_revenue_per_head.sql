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
    where not is_deleted and {{ is_sound('staff') }} and starts_on is not null and fte > 0
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

known as (
    {{ revenue_beside('heads', 'business_unit', 'fte') }}
),

final as (
    {{ kpi_ratio(
        'revenue_per_head', 'known', day='month', numerator='net_amount', denominator='fte', segments=['business_unit'], grains=['month']
    ) }}
)

select * from final
