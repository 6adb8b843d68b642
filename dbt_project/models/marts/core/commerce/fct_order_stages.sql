with
orders as (
    select * from {{ ref('fct_orders') }}
),

stages as (
    select
        date_trunc('month', delivered_on) as delivered_month,
        warehouse,
        region,
        cycle_hours,
        unnest([
            {'stage_number': 1, 'stage': 'confirm', 'stage_hours': confirm_hours},
            {'stage_number': 2, 'stage': 'pick', 'stage_hours': pick_hours},
            {'stage_number': 3, 'stage': 'ship', 'stage_hours': ship_hours},
            {'stage_number': 4, 'stage': 'deliver', 'stage_hours': deliver_hours}
        ], recursive := true)
    from orders
    -- shares add up to one only where every stage's end is known
    where confirm_hours + pick_hours + ship_hours + deliver_hours is not null
),

final as (
    select
        cast(delivered_month as date) as delivered_month,
        warehouse,
        region,
        stage_number,
        stage,
        count(*) as order_count,
        -- decimals: a sum of doubles depends on the order of the rows
        cast(sum(cast(stage_hours as decimal(18, 6))) as double) as total_hours,
        median(stage_hours) as median_hours,
        {{ ratio('sum(cast(stage_hours as decimal(18, 6)))', 'sum(cast(cycle_hours as decimal(18, 6)))') }} as share_of_cycle
    from stages
    group by delivered_month, warehouse, region, stage_number, stage
)

select * from final
