{{ config(enabled=has_kind('shopify'), materialized='view') }}

with
refund_lines as (
    select * from {{ ref('stg_shopify__refund_lines') }}
),

orders as (
    select * from {{ ref('stg_shopify__orders') }}
),

refunds as (
    select
        source_name,
        order_number,
        refund_number,
        any_value(refunded_at) as refunded_at,
        any_value(note) as note,
        any_value(currency) as currency,
        coalesce(bool_or(restock_type in ('RETURN', 'LEGACY_RESTOCK')), false) as is_return,
        -- a refund of no line is for something else than goods, or out of courtesy
        coalesce(sum(amount), any_value(total_amount)) as amount
    from refund_lines
    where not is_deleted and refund_number is not null
    group by source_name, order_number, refund_number
),

final as (
    select
        refunds.source_name || ':' || refunds.refund_number as correction_id,
        refunds.source_name || ':' || refunds.order_number as order_id,
        refunds.source_name,
        refunds.refunded_at as corrected_at,
        case when refunds.is_return then 'return' else 'credit' end as kind,
        'refunded' as revenue_effect,
        refunds.note as reason,
        {{ fault_in_words('refunds.note') }} as is_our_fault,
        -- those of its order
        cast(null as varchar) as business_unit,
        cast(null as varchar) as region,
        refunds.currency,
        cast(refunds.amount as decimal(18, 4)) as amount
    from refunds
    inner join orders
        on refunds.source_name = orders.source_name
        and refunds.order_number = orders.order_number
    -- what is paid back because an order is cancelled takes nothing more off revenue
    where not orders.is_test and (orders.cancelled_at is null or refunds.refunded_at < orders.cancelled_at)
)

select * from final
