with
headers as (
    select * from {{ ref('int_orders__tryton') }}
    union all by name
    select * from {{ ref('int_orders__online_retail') }}
),

order_lines as (
    select * from {{ ref('int_order_lines') }}
),

amounts as (
    select
        order_id,
        sum(net_amount) filter (where not is_cancelled) as net_amount,
        sum(net_amount) as gross_amount,
        -- one line of unknown cost makes the order's cost unknown, not smaller
        case
            when count(*) filter (where not is_cancelled and cost_amount is null) = 0
                then sum(cost_amount) filter (where not is_cancelled)
        end as cost_amount,
        max(exchange_rate) as exchange_rate
    from order_lines
    group by order_id
),

final as (
    select
        headers.order_id,
        headers.source_name,
        headers.order_number,
        headers.customer_id,
        headers.business_unit,
        headers.channel,
        headers.campaign,
        headers.region,
        headers.warehouse,
        headers.warehouse_time_zone,
        headers.carrier,
        headers.currency,
        -- told from what happened and not from the source's word, so that it can be told again for an earlier day
        case
            when headers.cancelled_at is not null then 'cancelled'
            when headers.delivered_at is not null then 'done'
            when coalesce(headers.picked_at, headers.packed_at, headers.shipped_at) is not null then 'processing'
            when headers.confirmed_at is not null then 'confirmed'
            when headers.placed_at is not null then 'placed'
            else 'draft'
        end as status,
        headers.placed_at,
        headers.confirmed_at,
        headers.picked_at,
        headers.packed_at,
        headers.shipped_at,
        headers.delivered_at,
        headers.cancelled_at,
        headers.requested_on,
        headers.promised_on,
        headers.first_promised_on,
        headers.promise_moved_at,
        cast(amounts.net_amount as decimal(18, 4)) as net_amount,
        cast(amounts.gross_amount as decimal(18, 4)) as gross_amount,
        cast(amounts.cost_amount as decimal(18, 4)) as cost_amount,
        amounts.exchange_rate,
        headers.has_linked_corrections
    from headers
    left join amounts
        on headers.order_id = amounts.order_id
)

select * from final
