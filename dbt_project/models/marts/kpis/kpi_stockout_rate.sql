with
stock_counts as (
    select * from {{ ref('stg_files__stock_counts') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

order_lines as (
    select * from {{ ref('fct_order_lines') }}
),

-- what was cancelled was wanted, too
item_days as (
    select distinct
        orders.placed_on,
        orders.warehouse,
        order_lines.product
    from order_lines
    inner join orders
        on order_lines.order_id = orders.order_id
    where order_lines.product in (select product from stock_counts)
),

-- a count holds from its day until the next one
counted as (
    select
        warehouse,
        product,
        counted_on,
        lead(counted_on, 1, {{ no_last_day() }}) over (partition by warehouse, product order by counted_on) as counted_again_on,
        on_hand
    from (
        select
            warehouse,
            product,
            counted_on,
            sum(on_hand) as on_hand
        from stock_counts
        where not is_deleted and on_hand is not null
        group by warehouse, product, counted_on
    )
),

-- of what was never counted before nobody knows
known as (
    select
        item_days.placed_on,
        item_days.warehouse,
        case when counted.on_hand <= 0 then 1 else 0 end as is_out
    from item_days
    inner join counted
        on item_days.warehouse = counted.warehouse
        and item_days.product = counted.product
        and item_days.placed_on >= counted.counted_on
        and item_days.placed_on < counted.counted_again_on
),

final as (
    {{ kpi_ratio('stockout_rate', 'known', day='placed_on', numerator='is_out', denominator='1', segments=['warehouse']) }}
)

select * from final
