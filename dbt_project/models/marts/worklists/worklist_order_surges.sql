with
orders as (
    select * from {{ ref('fct_orders') }}
),

placed as (
    select
        warehouse,
        placed_on
    from orders
    where placed_on between {{ as_of() }} - 62 and {{ as_of() }}
),

-- the week that ends with the as_of day, and the eight before it
counted as (
    select
        warehouse,
        count(*) filter (where placed_on > {{ as_of() }} - 7) as order_count,
        count(*) filter (where placed_on <= {{ as_of() }} - 7) / 8 as usual_count
    from placed
    group by warehouse
),

-- more than half again as many, and beyond what chance does to so few: four sigma of a Poisson count, whose square root varies by a half
surging as (
    select *
    from counted
    where order_count > {{ worklist_limit('surge_factor') }} * usual_count
        and sqrt(order_count) > sqrt(usual_count) + 4 * 0.5
),

final as (
    {{ worklist(
        'order_surges', 'surging', key='warehouse', subject='warehouse',
        evidence_en="order_count || ' orders in seven days; a usual week has ' || round(usual_count, 1)",
        evidence_zh="'七天内 ' || order_count || ' 单;平常一周 ' || round(usual_count, 1) || ' 单'",
        owner='fulfilment_lead', due_at=as_of() ~ ' + 1', severity="'act'", value='order_count', threshold=worklist_limit('surge_factor') ~ ' * usual_count',
        more=['warehouse', 'order_count', 'usual_count']
    ) }}
)

select * from final
