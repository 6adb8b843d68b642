with
orders as (
    select * from {{ ref('fct_orders') }}
),

steps as (
    select * from (values (1, 'confirm'), (2, 'pick'), (3, 'ship'), (4, 'deliver')) as stated (stage_number, stage)
),

stages as (
    select
        date_trunc('month', orders.delivered_on) as delivered_month,
        orders.warehouse,
        orders.region,
        orders.cycle_hours,
        steps.stage_number,
        steps.stage,
        case steps.stage
            when 'confirm' then orders.confirm_hours
            when 'pick' then orders.pick_hours
            when 'ship' then orders.ship_hours
            else orders.deliver_hours
        end as stage_hours
    from orders
    cross join steps
    -- shares add up to one only where every stage's end is known
    where orders.confirm_hours + orders.pick_hours + orders.ship_hours + orders.deliver_hours is not null
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
